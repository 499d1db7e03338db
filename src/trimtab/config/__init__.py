"""The config: one YAML file, validated as pydantic models, one file a section."""
