//! The trait of what can be laid over lower settings: a setting, or a table of settings.

/// A setting, or several of them, as a part of a layer.
pub(super) trait Layer {
    /// Takes whatever is open from the lower layer.
    fn fill_from(&mut self, lower: Self);
}

impl<T> Layer for Option<T> {
    fn fill_from(&mut self, lower: Self) {
        *self = self.take().or(lower);
    }
}

/// A list comes from one layer as a whole.
impl<T> Layer for Vec<T> {
    fn fill_from(&mut self, lower: Self) {
        if self.is_empty() {
            *self = lower;
        }
    }
}
