//! lb-video
