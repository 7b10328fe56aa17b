//! lb-schedule
