//! lb-blend
