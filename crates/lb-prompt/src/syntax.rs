//! The ways of reading a prompt.

lb_schedule::choice! {
    /// How prompts are read.
    #[derive(Default)]
    #[strum(serialize_all = "kebab-case", ascii_case_insensitive)]
    #[non_exhaustive]
    pub enum PromptSyntax: "prompt syntax" {
        /// Reads weights such as (word:1.3), and prompts of any length.
        #[default]
        Weighted,
        /// Reads every character as text, and cuts prompts that are too long.
        Plain,
    }
}
