"""What make ask asks: of each service that is paid what is missing, and where its replies are written down."""
