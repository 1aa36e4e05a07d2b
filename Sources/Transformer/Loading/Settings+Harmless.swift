import Files

extension Settings {
  /// Whether an unread setting of `config.json` changes no number of the forward pass.
  static func isHarmless(_ key: String, _ value: JSON) -> Bool {
    if value.isNull || harmless.contains(key) { return true }
    let isOff =
      value.bool == false || value.array?.isEmpty == true || value.object?.members.isEmpty == true
    return isOff && harmlessWhenOff.contains(key)
  }

  private static let harmless: Set<String> = origin.union(training).union(generation).union(running)

  /// Where the checkpoint comes from, and how its text is cut.
  private static let origin: Set<String> = [
    "_commit_hash", "_model_name_or_path", "_name_or_path", "architectures", "auto_map",
    "bos_token_id",
    "decoder_start_token_id", "dtype", "eos_token_id", "model_type", "name_or_path",
    "pad_token_id", "prefix", "sep_token_id", "tokenizer_class", "torch_dtype",
    "transformers.js_config", "transformers_version", "unk_token_id", "unsloth_fixed",
    "unsloth_version",
  ]

  /// Dropout, losses, first weights, and other heads than the one that predicts tokens.
  private static let training: Set<String> = [
    "attention_dropout", "attn_pdrop", "classifier_dropout", "embd_pdrop", "finetuning_task",
    "gradient_checkpointing", "hidden_dropout", "id2label", "initializer_range", "label2id",
    "num_labels", "output_router_logits", "problem_type", "resid_pdrop", "router_aux_loss_coef",
    "router_jitter_noise", "summary_activation", "summary_first_dropout",
    "summary_proj_to_labels", "summary_type", "summary_use_proj",
  ]

  /// How tokens are chosen, which old files say in `config.json`.
  private static let generation: Set<String> = [
    "bad_words_ids", "begin_suppress_tokens", "diversity_penalty", "do_sample", "early_stopping",
    "encoder_no_repeat_ngram_size", "exponential_decay_length_penalty", "forced_bos_token_id",
    "forced_eos_token_id", "length_penalty", "max_length", "max_new_tokens", "min_length",
    "no_repeat_ngram_size", "num_beam_groups", "num_beams", "num_return_sequences",
    "output_scores", "remove_invalid_values", "repetition_penalty", "return_dict_in_generate",
    "suppress_tokens", "task_specific_params", "temperature", "top_k", "top_p", "typical_p",
  ]

  /// How transformers computes the same numbers, and what it hands out.
  private static let running: Set<String> = [
    "_attn_implementation", "_attn_implementation_autoset", "attn_implementation",
    "cache_implementation", "chunk_size_feed_forward", "is_decoder", "output_attentions",
    "output_hidden_states", "pretraining_tp", "reorder_and_upcast_attn", "return_dict",
    "tf_legacy_loss", "torchscript", "use_bfloat16", "use_cache",
  ]

  /// Settings that change numbers unless they are false or empty.
  private static let harmlessWhenOff: Set<String> = [
    "add_cross_attention", "attention_bias", "is_encoder_decoder", "lm_head_bias", "mlp_bias",
    "pruned_heads", "rope_interleaved", "scale_attn_by_inverse_layer_idx", "tie_encoder_decoder",
    "use_bidirectional_attention", "use_mrope", "use_sliding_window",
  ]
}
