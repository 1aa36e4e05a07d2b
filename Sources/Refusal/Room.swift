enum RefusalRoom {}
