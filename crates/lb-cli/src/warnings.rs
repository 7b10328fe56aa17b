//! Warnings: what is probably not as the user wants it, although the work continues.

use lb_render::RenderEvent;

/// The warning that an event of a render calls for.
pub(crate) fn of_event(event: &RenderEvent<'_>) -> Option<String> {
    match event {
        RenderEvent::PromptCut { prompt, cut } => Some(format!(
            "the prompt {} is too long; the model does not see {}",
            shortened(prompt, 60),
            shortened(cut, 200),
        )),
        RenderEvent::Cache { problem } => Some(problem.to_string()),
        RenderEvent::FramesWithoutPosition { first, count } => Some(format!(
            "{count} of the frames, first {}, do not carry their position in the film, probably \
             because another program saved them; they are spaced evenly between their neighbours",
            first.display()
        )),
        RenderEvent::Reconstructed(at) if at.is_bad() => Some(format!(
            "keyframe {} differs from its picture by {:.0} %, so the film jumps there; raise \
             --inversion-iterations, or lower its guidance scale",
            at.keyframe + 1,
            100.0 * at.latent_error
        )),
        _ => None,
    }
}

/// The warning about prompts that are probably the words of fewer prompts whose quotes were forgotten.
pub(crate) fn forgotten_quotes(words: usize) -> String {
    format!(
        "each of these {words} words becomes a keyframe; put quotes around a prompt of several words"
    )
}

/// The beginning of a long text in quotes, followed by how many characters were left out.
fn shortened(text: &str, most: usize) -> String {
    let rest = text.chars().count().saturating_sub(most);
    if rest == 0 {
        return format!("{text:?}");
    }
    let shown: String = text.chars().take(most).collect();
    format!("{shown:?}… ({rest} more characters)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_shortened_and_say_by_how_much() {
        assert_eq!(shortened("an apple", 8), "\"an apple\"");
        assert_eq!(shortened("an apple", 5), "\"an ap\"… (3 more characters)");
    }
}
