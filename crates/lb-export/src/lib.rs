//! lb-export
