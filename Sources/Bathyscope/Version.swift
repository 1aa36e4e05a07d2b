/// The version that everything Bathyscope writes carries.
public let bathyscopeVersion = "0.1.0"
