import Checkpoints
import Files
import Foundation
import Testing

@testable import Transformer

/// Settings with the keys of published `config.json` files; some of the values are approximate, since
/// only the reading is tested.
@Suite("Settings of published checkpoints")
struct PublishedSettingsTests {
  @Test(arguments: published.keys.sorted())
  func areRead(name: String) throws {
    let architecture = try Self.read(try #require(published[name]))
    #expect(architecture.shape.layers > 0)
  }

  @Test(arguments: refused.keys.sorted())
  func orRefusedWithAReason(name: String) throws {
    let (settings, reason, code) = try #require(refused[name])
    let error = expectProblem(code) { _ = try Self.read(settings) }
    #expect(error.map { "\($0)".contains(reason) } == true, "\(String(describing: error))")
  }

  /// What a file leaves out is what transformers takes then.
  @Test func defaultsAreThoseOfTransformers() throws {
    let sizes = """
      "hidden_size": 64, "num_attention_heads": 2, "num_hidden_layers": 2, "vocab_size": 9,
      "intermediate_size": 8, "max_position_embeddings": 16, "num_key_value_heads": 2
      """
    let mistral = try #require(
      try Self.read("{\"model_type\": \"mistral\", \(sizes)}") as? Mistral)
    #expect(mistral.slidingWindow == 4096 && mistral.normEpsilon == 1e-6)
    let null = try #require(
      try Self.read("{\"model_type\": \"mistral\", \"sliding_window\": null, \(sizes)}")
        as? Mistral)
    #expect(null.slidingWindow == nil)
    let gemma2 = try #require(try Self.read("{\"model_type\": \"gemma2\", \(sizes)}") as? Gemma2)
    #expect(gemma2.attentionSoftCap == 50 && gemma2.logitSoftCap == 30 && gemma2.tiesEmbeddings)
    #expect(gemma2.windows == [4096, nil] && gemma2.attentionScale == 1 / 16)
    #expect(gemma2.shape.dHead == 256)
    let uncapped = try #require(
      try Self.read(
        "{\"model_type\": \"gemma2\", \"attn_logit_softcapping\": null, \(sizes)}") as? Gemma2)
    #expect(uncapped.attentionSoftCap == nil && uncapped.logitSoftCap == 30)
    let gemma3 = try #require(
      try Self.read("{\"model_type\": \"gemma3_text\", \(sizes)}") as? Gemma3)
    #expect(gemma3.globalRotary.theta == 1e6 && gemma3.localRotary.theta == 1e4)
    #expect(gemma3.logitSoftCap == nil && gemma3.windows == [4096, 4096])
    let mixtral = try #require(
      try Self.read("{\"model_type\": \"mixtral\", \"num_local_experts\": 4, \(sizes)}")
        as? Mixtral)
    #expect(mixtral.rotary.theta == 1e6 && mixtral.mixture.top == 2 && mixtral.normEpsilon == 1e-5)
    let neox = try #require(
      try Self.read("{\"model_type\": \"gpt_neox\", \(sizes)}") as? GPTNeoX)
    #expect(neox.isParallel && neox.rotary.rotated == 8 && neox.attentionBias)
    let qwen2 = try #require(
      try Self.read(
        "{\"model_type\": \"qwen2\", \"use_sliding_window\": true, \"max_window_layers\": 1, \(sizes)}"
      ) as? Qwen2)
    #expect(qwen2.windows == [nil, 4096])
    let off = try #require(
      try Self.read(
        "{\"model_type\": \"qwen2\", \"sliding_window\": 8, \"max_window_layers\": 0, \(sizes)}"
      ) as? Qwen2)
    #expect(off.windows == [nil, nil])
  }

  /// From transformers' own function; the ramp ends behind the last frequency, which no tiny model has.
  @Test func yarnWhoseRampEndsBehindTheLastFrequency() throws {
    let llama = try #require(
      try Self.read(
        """
        {"model_type": "llama", "hidden_size": 32, "num_attention_heads": 2, "vocab_size": 9,
        "num_hidden_layers": 2, "intermediate_size": 8, "max_position_embeddings": 8192,
        "rope_parameters": {"rope_type": "yarn", "rope_theta": 10.0, "factor": 2.0, "mscale": 0.7,
        "original_max_position_embeddings": 400, "mscale_all_dim": 0.3}}
        """) as? Llama)
    let rotary = llama.rotary.rotary()
    let expected: [Float] = [
      1.0, 0.7498942, 0.5623413, 0.40547743, 0.29190257, 0.20977536, 0.1504698, 0.1077075,
    ]
    #expect(zip(rotary.frequencies, expected).allSatisfy { abs($0 - $1) < 1e-6 * $1 })
    #expect(rotary.frequencies.count == 8 && abs(rotary.attentionFactor - 1.0271611) < 1e-6)
  }

  static func read(_ settings: String) throws -> any Architecture {
    let folder = NSTemporaryDirectory() + "bathyscope-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try Data(settings.utf8).write(to: URL(fileURLWithPath: folder + "/config.json"))
    try SafetensorsFile.write(
      [(name: "a", shape: [1], values: [1])], metadata: [:], to: folder + "/model.safetensors")
    return try Architectures.read(Checkpoint.open(folder))
  }
}

let published: [String: String] = [
  "gpt2": """
  {"activation_function": "gelu_new", "architectures": ["GPT2LMHeadModel"], "attn_pdrop": 0.1,
  "bos_token_id": 50256, "embd_pdrop": 0.1, "eos_token_id": 50256, "initializer_range": 0.02,
  "layer_norm_epsilon": 1e-05, "model_type": "gpt2", "n_ctx": 1024, "n_embd": 768, "n_head": 12,
  "n_layer": 12, "n_positions": 1024, "resid_pdrop": 0.1, "summary_activation": null,
  "summary_first_dropout": 0.1, "summary_proj_to_labels": true, "summary_type": "cls_index",
  "summary_use_proj": true, "vocab_size": 50257, "task_specific_params":
  {"text-generation": {"do_sample": true, "max_length": 50}}}
  """,
  "EleutherAI/pythia-70m": """
  {"architectures": ["GPTNeoXForCausalLM"], "bos_token_id": 0, "eos_token_id": 0,
  "hidden_act": "gelu", "hidden_size": 512, "initializer_range": 0.02,
  "intermediate_size": 2048, "layer_norm_eps": 1e-05, "max_position_embeddings": 2048,
  "model_type": "gpt_neox", "num_attention_heads": 8, "num_hidden_layers": 6,
  "rotary_emb_base": 10000, "rotary_pct": 0.25, "tie_word_embeddings": false,
  "torch_dtype": "float16", "transformers_version": "4.24.0", "use_cache": true,
  "use_parallel_residual": true, "vocab_size": 50304}
  """,
  "meta-llama/Llama-2-7b-hf": """
  {"_name_or_path": "meta-llama/Llama-2-7b-hf", "architectures": ["LlamaForCausalLM"],
  "bos_token_id": 1, "eos_token_id": 2, "hidden_act": "silu", "hidden_size": 4096,
  "initializer_range": 0.02, "intermediate_size": 11008, "max_position_embeddings": 4096,
  "model_type": "llama", "num_attention_heads": 32, "num_hidden_layers": 32,
  "num_key_value_heads": 32, "pretraining_tp": 1, "rms_norm_eps": 1e-05, "rope_scaling": null,
  "tie_word_embeddings": false, "torch_dtype": "float16", "transformers_version": "4.31.0",
  "use_cache": true, "vocab_size": 32000}
  """,
  "meta-llama/Llama-3.1-8B": """
  {"architectures": ["LlamaForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
  "bos_token_id": 128000, "eos_token_id": 128001, "hidden_act": "silu", "hidden_size": 4096,
  "initializer_range": 0.02, "intermediate_size": 14336, "max_position_embeddings": 131072,
  "mlp_bias": false, "model_type": "llama", "num_attention_heads": 32, "num_hidden_layers": 32,
  "num_key_value_heads": 8, "pretraining_tp": 1, "rms_norm_eps": 1e-05, "rope_scaling":
  {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
  "original_max_position_embeddings": 8192, "rope_type": "llama3"}, "rope_theta": 500000.0,
  "tie_word_embeddings": false, "torch_dtype": "bfloat16", "transformers_version": "4.43.0",
  "use_cache": true, "vocab_size": 128256}
  """,
  "meta-llama/Llama-3.2-1B-Instruct": """
  {"architectures": ["LlamaForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
  "bos_token_id": 128000, "eos_token_id": [128001, 128008, 128009], "head_dim": 64,
  "hidden_act": "silu", "hidden_size": 2048, "initializer_range": 0.02,
  "intermediate_size": 8192, "max_position_embeddings": 131072, "mlp_bias": false,
  "model_type": "llama", "num_attention_heads": 32, "num_hidden_layers": 16,
  "num_key_value_heads": 8, "pretraining_tp": 1, "rms_norm_eps": 1e-05, "rope_scaling":
  {"factor": 32.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
  "original_max_position_embeddings": 8192, "rope_type": "llama3"}, "rope_theta": 500000.0,
  "tie_word_embeddings": true, "torch_dtype": "bfloat16", "transformers_version": "4.45.0",
  "use_cache": true, "vocab_size": 128256}
  """,
  "mistralai/Mistral-7B-v0.1": """
  {"architectures": ["MistralForCausalLM"], "bos_token_id": 1, "eos_token_id": 2,
  "hidden_act": "silu", "hidden_size": 4096, "initializer_range": 0.02,
  "intermediate_size": 14336, "max_position_embeddings": 32768, "model_type": "mistral",
  "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 8,
  "rms_norm_eps": 1e-05, "rope_theta": 10000.0, "sliding_window": 4096,
  "tie_word_embeddings": false, "torch_dtype": "bfloat16", "transformers_version": "4.34.0",
  "use_cache": true, "vocab_size": 32000}
  """,
  "mistralai/Mistral-7B-v0.3": """
  {"architectures": ["MistralForCausalLM"], "attention_dropout": 0.0, "bos_token_id": 1,
  "eos_token_id": 2, "hidden_act": "silu", "hidden_size": 4096, "initializer_range": 0.02,
  "intermediate_size": 14336, "max_position_embeddings": 32768, "model_type": "mistral",
  "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 8,
  "rms_norm_eps": 1e-05, "rope_theta": 1000000.0, "sliding_window": null,
  "tie_word_embeddings": false, "torch_dtype": "bfloat16", "transformers_version": "4.42.0",
  "use_cache": true, "vocab_size": 32768}
  """,
  "Qwen/Qwen2.5-0.5B-Instruct": """
  {"architectures": ["Qwen2ForCausalLM"], "attention_dropout": 0.0, "bos_token_id": 151643,
  "eos_token_id": 151645, "hidden_act": "silu", "hidden_size": 896, "initializer_range": 0.02,
  "intermediate_size": 4864, "max_position_embeddings": 32768, "max_window_layers": 21,
  "model_type": "qwen2", "num_attention_heads": 14, "num_hidden_layers": 24,
  "num_key_value_heads": 2, "rms_norm_eps": 1e-06, "rope_theta": 1000000.0,
  "sliding_window": 32768, "tie_word_embeddings": true, "torch_dtype": "bfloat16",
  "transformers_version": "4.43.1", "use_cache": true, "use_sliding_window": false,
  "vocab_size": 151936}
  """,
  "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B": """
  {"architectures": ["Qwen2ForCausalLM"], "attention_dropout": 0.0, "bos_token_id": 151643,
  "eos_token_id": 151643, "hidden_act": "silu", "hidden_size": 1536, "initializer_range": 0.02,
  "intermediate_size": 8960, "max_position_embeddings": 131072, "max_window_layers": 21,
  "model_type": "qwen2", "num_attention_heads": 12, "num_hidden_layers": 28,
  "num_key_value_heads": 2, "rms_norm_eps": 1e-06, "rope_theta": 10000, "sliding_window": 4096,
  "tie_word_embeddings": false, "torch_dtype": "bfloat16", "transformers_version": "4.44.0",
  "use_cache": true, "use_mrope": false, "use_sliding_window": false, "vocab_size": 151936}
  """,
  "Qwen/Qwen3-0.6B": """
  {"architectures": ["Qwen3ForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
  "bos_token_id": 151643, "eos_token_id": 151645, "head_dim": 128, "hidden_act": "silu",
  "hidden_size": 1024, "initializer_range": 0.02, "intermediate_size": 3072,
  "max_position_embeddings": 40960, "max_window_layers": 28, "model_type": "qwen3",
  "num_attention_heads": 16, "num_hidden_layers": 28, "num_key_value_heads": 8,
  "rms_norm_eps": 1e-06, "rope_scaling": null, "rope_theta": 1000000, "sliding_window": null,
  "tie_word_embeddings": true, "torch_dtype": "bfloat16", "transformers_version": "4.51.0",
  "use_cache": true, "use_sliding_window": false, "vocab_size": 151936}
  """,
  "google/gemma-2-2b-it": """
  {"architectures": ["Gemma2ForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
  "attn_logit_softcapping": 50.0, "bos_token_id": 2, "cache_implementation": "hybrid",
  "eos_token_id": [1, 107], "final_logit_softcapping": 30.0, "head_dim": 256,
  "hidden_act": "gelu_pytorch_tanh", "hidden_activation": "gelu_pytorch_tanh",
  "hidden_size": 2304, "initializer_range": 0.02, "intermediate_size": 9216,
  "max_position_embeddings": 8192, "model_type": "gemma2", "num_attention_heads": 8,
  "num_hidden_layers": 26, "num_key_value_heads": 4, "pad_token_id": 0,
  "query_pre_attn_scalar": 256, "rms_norm_eps": 1e-06, "rope_theta": 10000.0,
  "sliding_window": 4096, "torch_dtype": "bfloat16", "transformers_version": "4.42.4",
  "use_cache": true, "vocab_size": 256000}
  """,
  "google/gemma-3-1b-it": """
  {"architectures": ["Gemma3ForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
  "attn_logit_softcapping": null, "bos_token_id": 2, "cache_implementation": "hybrid",
  "eos_token_id": [1, 106], "final_logit_softcapping": null, "head_dim": 256,
  "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 1152, "initializer_range": 0.02,
  "intermediate_size": 6912, "max_position_embeddings": 32768, "model_type": "gemma3_text",
  "num_attention_heads": 4, "num_hidden_layers": 26, "num_key_value_heads": 1,
  "pad_token_id": 0, "query_pre_attn_scalar": 256, "rms_norm_eps": 1e-06,
  "rope_local_base_freq": 10000, "rope_scaling": null, "rope_theta": 1000000,
  "sliding_window": 512, "sliding_window_pattern": 6, "torch_dtype": "bfloat16",
  "transformers_version": "4.50.0", "use_cache": true, "vocab_size": 262144}
  """,
  "google/gemma-3-4b-it": """
  {"architectures": ["Gemma3ForConditionalGeneration"], "boi_token_index": 255999,
  "eoi_token_index": 256000, "eos_token_id": [1, 106], "image_token_index": 262144,
  "initializer_range": 0.02, "mm_tokens_per_image": 256, "model_type": "gemma3",
  "text_config": {"hidden_size": 2560, "intermediate_size": 10240,
  "model_type": "gemma3_text", "num_hidden_layers": 34,
  "rope_scaling": {"factor": 8.0, "rope_type": "linear"}, "sliding_window": 1024},
  "torch_dtype": "bfloat16", "transformers_version": "4.50.0", "vision_config":
  {"hidden_size": 1152, "image_size": 896, "model_type": "siglip_vision_model"}}
  """,
  "microsoft/Phi-3-mini-4k-instruct": """
  {"_name_or_path": "Phi-3-mini-4k-instruct", "architectures": ["Phi3ForCausalLM"],
  "attention_bias": false, "attention_dropout": 0.0, "auto_map":
  {"AutoConfig": "configuration_phi3.Phi3Config"}, "bos_token_id": 1, "embd_pdrop": 0.0,
  "eos_token_id": 32000, "hidden_act": "silu", "hidden_size": 3072, "initializer_range": 0.02,
  "intermediate_size": 8192, "max_position_embeddings": 4096, "model_type": "phi3",
  "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 32,
  "original_max_position_embeddings": 4096, "pad_token_id": 32000, "resid_pdrop": 0.0,
  "rms_norm_eps": 1e-05, "rope_scaling": null, "rope_theta": 10000.0, "sliding_window": 2047,
  "tie_word_embeddings": false, "torch_dtype": "bfloat16", "transformers_version": "4.40.2",
  "use_cache": true, "vocab_size": 32064}
  """,
  "allenai/OLMo-2-0425-1B": """
  {"architectures": ["Olmo2ForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
  "eos_token_id": 100257, "hidden_act": "silu", "hidden_size": 2048,
  "initializer_range": 0.02, "intermediate_size": 8192, "max_position_embeddings": 4096,
  "model_type": "olmo2", "num_attention_heads": 16, "num_hidden_layers": 16,
  "num_key_value_heads": 16, "pad_token_id": 100277, "rms_norm_eps": 1e-06,
  "rope_scaling": null, "rope_theta": 500000, "tie_word_embeddings": false,
  "torch_dtype": "float32", "transformers_version": "4.47.0", "use_cache": true,
  "vocab_size": 100352}
  """,
  "Qwen/Qwen3-30B-A3B": """
  {"architectures": ["Qwen3MoeForCausalLM"], "attention_bias": false,
  "attention_dropout": 0.0, "bos_token_id": 151643, "decoder_sparse_step": 1,
  "eos_token_id": 151645, "head_dim": 128, "hidden_act": "silu", "hidden_size": 2048,
  "initializer_range": 0.02, "intermediate_size": 6144, "max_position_embeddings": 40960,
  "max_window_layers": 48, "mlp_only_layers": [], "model_type": "qwen3_moe",
  "moe_intermediate_size": 768, "norm_topk_prob": true, "num_attention_heads": 32,
  "num_experts": 128, "num_experts_per_tok": 8, "num_hidden_layers": 48,
  "num_key_value_heads": 4, "output_router_logits": false, "rms_norm_eps": 1e-06,
  "rope_scaling": null, "rope_theta": 1000000.0, "router_aux_loss_coef": 0.001,
  "sliding_window": null, "tie_word_embeddings": false, "torch_dtype": "bfloat16",
  "transformers_version": "4.51.0", "use_cache": true, "use_sliding_window": false,
  "vocab_size": 151936}
  """,
  "mistralai/Mixtral-8x7B-v0.1": """
  {"architectures": ["MixtralForCausalLM"], "attention_dropout": 0.0, "bos_token_id": 1,
  "eos_token_id": 2, "hidden_act": "silu", "hidden_size": 4096, "initializer_range": 0.02,
  "intermediate_size": 14336, "max_position_embeddings": 32768, "model_type": "mixtral",
  "num_attention_heads": 32, "num_experts_per_tok": 2, "num_hidden_layers": 32,
  "num_key_value_heads": 8, "num_local_experts": 8, "output_router_logits": false,
  "rms_norm_eps": 1e-05, "rope_theta": 1000000.0, "router_aux_loss_coef": 0.02,
  "sliding_window": null, "tie_word_embeddings": false, "torch_dtype": "bfloat16",
  "transformers_version": "4.36.0", "use_cache": true, "vocab_size": 32000}
  """,
]

let refused: [String: (settings: String, reason: String, code: Problem.Code)] = [
  "microsoft/Phi-4-mini-instruct, for its rotary scaling": (
    """
    {"architectures": ["Phi3ForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
    "bos_token_id": 199999, "embd_pdrop": 0.0, "eos_token_id": 199999, "full_attn_mod": 1,
    "hidden_act": "silu", "hidden_size": 3072, "initializer_range": 0.02,
    "intermediate_size": 8192, "interpolate_factor": 1, "lm_head_bias": false,
    "max_position_embeddings": 131072, "mlp_bias": false, "model_type": "phi3",
    "num_attention_heads": 24, "num_hidden_layers": 32, "num_key_value_heads": 8,
    "original_max_position_embeddings": 4096, "pad_token_id": 199999,
    "partial_rotary_factor": 0.75, "resid_pdrop": 0.0, "rms_norm_eps": 1e-05, "rope_scaling":
    {"long_factor": [1], "short_factor": [1], "type": "longrope"}, "rope_theta": 10000.0,
    "sliding_window": 262144, "tie_word_embeddings": true, "torch_dtype": "bfloat16",
    "transformers_version": "4.45.0", "use_cache": true, "vocab_size": 200064}
    """, "longrope", .unsupported
  ),
  "Phi-3 with what it takes for longrope": (
    """
    {"model_type": "phi3", "hidden_size": 64, "num_attention_heads": 2, "num_hidden_layers": 2,
    "vocab_size": 9, "intermediate_size": 8, "max_position_embeddings": 16,
    "rope_scaling": {"type": "yarn", "factor": 2}}
    """, "longrope", .unsupported
  ),
  "a quantised Llama": (
    """
    {"model_type": "llama", "hidden_size": 64, "num_attention_heads": 2, "num_hidden_layers": 2,
    "vocab_size": 9, "intermediate_size": 8, "quantization_config": {"bits": 4}}
    """, "quantization_config", .unknownKey
  ),
  "GPT-2 with scores divided by the block's number": (
    """
    {"model_type": "gpt2", "scale_attn_by_inverse_layer_idx": true}
    """, "scale_attn_by_inverse_layer_idx", .unknownKey
  ),
  "Gemma 3 that looks ahead": (
    """
    {"model_type": "gemma3_text", "num_hidden_layers": 2, "use_bidirectional_attention": true}
    """, "use_bidirectional_attention", .unknownKey
  ),
  "Gemma 2 with blocks of another kind": (
    """
    {"model_type": "gemma2", "hidden_size": 64, "num_attention_heads": 2, "num_hidden_layers": 2,
    "vocab_size": 9, "intermediate_size": 8, "max_position_embeddings": 16,
    "layer_types": ["full_attention", "chunked_attention"]}
    """, "layer_types", .unsupported
  ),
  "Gemma 3 with too few kinds": (
    """
    {"model_type": "gemma3_text", "num_hidden_layers": 2, "layer_types": ["full_attention"]}
    """, "layer_types", .wrongCount
  ),
  "local blocks without a window": (
    """
    {"model_type": "gemma3_text", "num_hidden_layers": 2, "sliding_window": null}
    """, "no window", .unsupported
  ),
  "Qwen3-MoE with a window": (
    """
    {"model_type": "qwen3_moe", "hidden_size": 64, "num_attention_heads": 2,
    "num_hidden_layers": 2, "vocab_size": 9, "intermediate_size": 8, "num_experts": 4,
    "num_experts_per_tok": 2, "max_position_embeddings": 16, "use_sliding_window": true}
    """, "use_sliding_window", .unknownKey
  ),
  "more experts for a token than there are": (
    """
    {"model_type": "mixtral", "hidden_size": 64, "num_attention_heads": 2,
    "num_hidden_layers": 2, "vocab_size": 9, "intermediate_size": 8, "num_local_experts": 4,
    "num_experts_per_tok": 5, "max_position_embeddings": 16}
    """, "5 of 4 experts", .outOfRange
  ),
  "Llama with a part of each head rotated": (
    """
    {"model_type": "llama", "hidden_size": 64, "num_attention_heads": 2, "num_hidden_layers": 2,
    "vocab_size": 9, "intermediate_size": 8, "partial_rotary_factor": 0.5}
    """, "16 of 32 values", .outOfRange
  ),
  "two rotary scalings": (
    """
    {"model_type": "llama", "hidden_size": 64, "num_attention_heads": 2, "num_hidden_layers": 2,
    "vocab_size": 9, "intermediate_size": 8, "rope_parameters": {"rope_theta": 5},
    "rope_scaling": {"type": "linear", "factor": 2}}
    """, "rope_scaling", .unknownKey
  ),
]
