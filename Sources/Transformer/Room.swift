enum TransformerRoom {}
