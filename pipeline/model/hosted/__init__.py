"""Models that a service trains and serves, over the OpenAI protocol: the job that makes one, and how it is asked."""
