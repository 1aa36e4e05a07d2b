enum ActivationStoreRoom {}
