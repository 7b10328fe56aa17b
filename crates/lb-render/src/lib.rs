//! lb-render
