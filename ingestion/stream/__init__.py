"""The stream: what is sent to the platform, landed within the second and answered for."""
