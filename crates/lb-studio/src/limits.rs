//! The limits of what a client may ask for.

/// The most bytes that a request with JSON may have.
pub(crate) const MOST_JSON: usize = 2 << 20;

/// The most characters of a name.
pub(crate) const LONGEST_NAME: usize = 200;

/// The most favourites of a project.
pub(crate) const MOST_FAVOURITES: usize = 200;

/// The most embeddings of a film.
pub(crate) const MOST_EMBEDDINGS: usize = 100;

/// The most seeds, or variations, that one task shows.
pub(crate) const MOST_STILLS: usize = 64;

/// The most finished tasks that are remembered. Older ones are forgotten.
pub(crate) const MOST_FINISHED: usize = 100;

/// The most events that are remembered for readers who fall behind or come back.
pub(crate) const MOST_EVENTS: usize = 4096;

/// The most bytes that these events may have together.
pub(crate) const MOST_EVENT_BYTES: usize = 8 << 20;

/// The most browsers that may be signed in at the same time. The one that signed in first is forgotten.
pub(crate) const MOST_SESSIONS: usize = 32;

/// The longest side in pixels of the pictures of computed frames that the page shows.
pub(crate) const FRAME_SIDE: u32 = 384;

/// What differs between a person's own studio and a public demonstration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Limits {
    /// Keyframes of a project.
    pub(crate) keyframes: usize,
    /// Bytes of a picture or film that is uploaded.
    pub(crate) upload_bytes: u64,
    /// Pixels of a picture that is uploaded.
    pub(crate) upload_pixels: u64,
    /// Bytes of a LoRA, an embedding or a VAE decoder that is uploaded; 0 if none is taken.
    pub(crate) add_on_bytes: u64,
    /// Tasks that have not ended, of all visitors together.
    pub(crate) queue: usize,
    /// Tasks that have not ended, of one visitor.
    pub(crate) queue_of_visitor: usize,
    /// Projects of one visitor.
    pub(crate) projects: usize,
    /// Projects of all visitors together.
    pub(crate) projects_of_all: usize,
    /// Uploaded pictures of one project.
    pub(crate) pictures: usize,
    /// Bytes of these pictures together, as they are kept.
    pub(crate) picture_bytes: u64,
    /// Pixels of a picture that the model makes.
    pub(crate) pixels: usize,
    /// Pixels of a film frame, which may be upscaled and enlarged.
    pub(crate) film_pixels: usize,
    /// Frames of a film.
    pub(crate) film_frames: usize,
    /// Model evaluations of one task.
    pub(crate) evaluations: usize,
}

impl Limits {
    pub(crate) const OWN: Self = Self {
        keyframes: 1000,
        upload_bytes: 32 << 20,
        upload_pixels: 48_000_000,
        // The largest LoRA that is read.
        add_on_bytes: 512 << 20,
        queue: 100,
        queue_of_visitor: 100,
        projects: 10_000,
        projects_of_all: usize::MAX,
        pictures: usize::MAX,
        picture_bytes: u64::MAX,
        pixels: usize::MAX,
        film_pixels: usize::MAX,
        film_frames: usize::MAX,
        evaluations: usize::MAX,
    };

    pub(crate) const DEMO: Self = Self {
        keyframes: 8,
        upload_bytes: 4 << 20,
        upload_pixels: 8_000_000,
        add_on_bytes: 0,
        queue: 20,
        queue_of_visitor: 3,
        projects: 10,
        projects_of_all: 500,
        pictures: 24,
        picture_bytes: 48 << 20,
        pixels: 512 * 512,
        film_pixels: 1024 * 1024,
        // A minute at 60 frames a second.
        film_frames: 60 * 60,
        evaluations: 5_000,
    };

    pub(crate) fn of(demo: bool) -> Self {
        if demo { Self::DEMO } else { Self::OWN }
    }
}
