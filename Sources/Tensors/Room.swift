enum TensorsRoom {}
