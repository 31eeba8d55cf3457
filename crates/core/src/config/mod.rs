//! Configuration: layers, merged with provenance, validated.
