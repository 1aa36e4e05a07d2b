test:
	swift build --build-tests -Xcc -O3
	swift test -Xcc -O3
