//! lb-models
