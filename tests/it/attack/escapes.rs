//! Every way in which text that somebody else chose reaches standard output or standard error, with text
//! that would control a terminal.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;
use std::process::Output;
use std::time::Duration;

use lb_models::testing::write_tiny_model;
use lb_video::{FilmOptions, FilmWriter, RgbImage};
use serde_json::json;

use super::{chance, isolated, report, runs, within};
use crate::imports::golden;
use crate::lb::Folder;
use crate::linked::{link_folder, replace};
use crate::pickle_writer::{archive, archive_of, dictionary, name, program, text};

/// What a terminal would obey, or show in another order than it is written.
const TEXTS: &[&[u8]] = &[
    // Clears the screen, in both encodings of the introducer.
    b"a\x1b[2Jb",
    "a\u{9b}2Jb".as_bytes(),
    // Sets the window's title, and ends with a bell; the same in C1 controls.
    b"a\x1b]0;title\x07b",
    "a\u{9d}0;title\u{9c}b".as_bytes(),
    // Overwrites the beginning of a line; backspace, delete, vertical tab, form feed.
    b"harmless\rerror: no",
    b"a\x08\x7f\x0b\x0cb",
    // A new line that looks like a message of the program.
    b"a\nerror: forged",
    // Writes from right to left, and hides itself.
    "a\u{202e}b\u{2066}c\u{2029}\u{feff}".as_bytes(),
    // A lone continuation byte, which some terminals take for a C1 control; no text at all.
    b"a\x9b2Jb",
];

/// Prepares files in a folder for a text, and returns the arguments and variables of a command. `None` if the
/// text cannot be there, because it is not UTF-8.
type Way = fn(&Folder, &Foreign) -> Option<Call>;

/// Text that somebody else chose.
struct Foreign {
    bytes: &'static [u8],
}

struct Call {
    arguments: Vec<OsString>,
    environment: Vec<(&'static str, OsString)>,
}

impl Foreign {
    fn text(&self) -> Option<&'static str> {
        std::str::from_utf8(self.bytes).ok()
    }

    /// With something before and after it, as an argument or the name of a file.
    fn argument(&self, before: &str, after: &str) -> OsString {
        OsString::from_vec([before.as_bytes(), self.bytes, after.as_bytes()].concat())
    }

    /// A JSON or TOML string, in quotes.
    fn quoted(&self) -> Option<String> {
        Some(json!(self.text()?).to_string().replace('\u{7f}', "\\u007f"))
    }
}

fn call(arguments: &[&str]) -> Call {
    Call {
        arguments: arguments.iter().map(OsString::from).collect(),
        environment: Vec::new(),
    }
}

impl Call {
    fn and(mut self, argument: OsString) -> Option<Self> {
        self.arguments.push(argument);
        Some(self)
    }

    fn with(mut self, variable: &'static str, value: OsString) -> Option<Self> {
        self.environment.push((variable, value));
        Some(self)
    }
}

const PLAN: &[&str] = &["plan", "a", "b"];

/// A command that reads whatever `lb models` shows of `./model`, and a tiny model there.
fn of_model(folder: &Folder) -> Call {
    write_tiny_model("sd21", &folder.join("model")).unwrap();
    call(&["-vv", "models", "./model"])
}

/// The same, with one setting of a JSON file replaced.
fn of_setting(folder: &Folder, file: &str, key: &str, foreign: &Foreign) -> Option<Call> {
    let call = of_model(folder);
    let path = folder.join("model").join(file);
    let bytes = fs::read(&path).unwrap_or_else(|_| b"{}".to_vec());
    let mut settings: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    settings[key] = foreign.text()?.into();
    replace(&path, settings.to_string());
    Some(call)
}

/// A film that carries a text.
fn film(folder: &Folder, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    let options = FilmOptions {
        description: Some(text.into()),
        ..FilmOptions::default()
    };
    let mut film = FilmWriter::create(&path, 16, 16, &options).unwrap();
    for _ in 0..2 {
        film.write(RgbImage::new(16, 16)).unwrap();
    }
    film.finish().unwrap();
    path
}

fn job(folder: &Folder, text: &str) -> Call {
    fs::write(folder.join("job.toml"), text).unwrap();
    call(&["-v", "plan", "job.toml"])
}

/// A safetensors file with this header.
fn safetensors(header: &str) -> Vec<u8> {
    let start = (header.len() as u64).to_le_bytes();
    [&start, header.as_bytes(), &[0; 4]].concat()
}

/// Every way, with a name for messages.
#[rustfmt::skip]
const WAYS: &[(&str, Way)] = &[
    ("command", |_, foreign| call(&[]).and(foreign.argument("", ""))),
    ("flag", |_, foreign| call(PLAN).and(foreign.argument("--", ""))),
    ("number", |_, foreign| call(PLAN).and(foreign.argument("--steps=", ""))),
    ("choice", |_, foreign| call(PLAN).and(foreign.argument("--quality=", ""))),
    ("size", |_, foreign| call(PLAN).and(foreign.argument("--size=", ""))),
    ("seeds", |_, foreign| call(&["seeds", "a", "-o=a.png"]).and(foreign.argument("--seeds=", ""))),
    ("shell", |_, foreign| call(&["completions"]).and(foreign.argument("", ""))),
    ("prompt", |_, foreign| call(&["-vv", "plan", "b"]).and(foreign.argument("", ""))),
    ("prompt as JSON", |_, foreign| call(&["plan", "--json", "b"]).and(foreign.argument("", ""))),
    ("prompt of a film", |folder, foreign| {
        write_tiny_model("sd21", &folder.join("model")).unwrap();
        let prompt = foreign.argument(&"a b ".repeat(60), "");
        let tiny = ["--model=./model", "--size=64x64", "--steps=2", "--frames=2", "-o=film.gif", "-v"];
        call(&[&["render", "b"], &tiny[..]].concat()).and(prompt)
    }),
    ("unseen word", |folder, foreign| {
        of_model(folder);
        fs::write(folder.join("model/words.txt"), format!("apple {}", foreign.text()?)).unwrap();
        let tiny = ["--model=./model", "--size=64x64", "--steps=2", "--frames=2", "-o=film.gif"];
        call(&[&["render", "a\u{e9}pple"], &tiny[..]].concat()).and(foreign.argument("app", ""))
    }),
    ("words of a model", |folder, foreign| {
        let call = of_model(folder);
        fs::write(folder.join("model/words.txt"), foreign.bytes).unwrap();
        Some(call)
    }),
    ("output's format", |_, foreign| call(&["render", "a", "b"]).and(foreign.argument("-o=", ".avi"))),
    ("output's folder", |_, foreign| call(&["render", "a", "b"]).and(foreign.argument("-o=", "/film.mp4"))),
    ("output that exists", |folder, foreign| {
        let name = foreign.argument("", ".gif");
        fs::write(folder.path().join(&name), "").unwrap();
        let mut output = OsString::from("-o=");
        output.push(&name);
        call(&["render", "a", "b"]).and(output)
    }),
    ("model that is missing", |_, foreign| call(PLAN).and(foreign.argument("--model=", ""))),
    ("model to remove", |_, foreign| call(&["models", "rm"]).and(foreign.argument("", ""))),
    ("decoder", |_, foreign| call(&["render", "a", "b", "-o=a.gif"]).and(foreign.argument("--vae=", ""))),
    ("picture that is missing", |_, foreign| call(PLAN).and(foreign.argument("--from=", ".png"))),
    ("picture that is none", |folder, foreign| {
        let name = foreign.argument("", ".png");
        fs::write(folder.path().join(&name), "no picture").unwrap();
        let mut from = OsString::from("--from=");
        from.push(name);
        call(PLAN).and(from)
    }),
    ("sound", |_, foreign| call(&["render", "a", "b", "-o=a.mp4"]).and(foreign.argument("--audio=", ""))),
    ("facts", |folder, foreign| {
        fs::create_dir(folder.join("frames")).unwrap();
        RgbImage::new(8, 8).save(folder.join("frames/frame_0000.png")).unwrap();
        fs::write(folder.join("facts.json"), foreign.bytes).unwrap();
        Some(call(&["upscale", "frames", "--model=x", "--facts=facts.json", "-o=a.mp4"]))
    }),
    ("film that is missing", |_, foreign| call(&["show"]).and(foreign.argument("", ".mp4"))),
    ("film that is none", |folder, foreign| {
        let name = foreign.argument("", ".gif");
        fs::write(folder.path().join(&name), foreign.bytes).unwrap();
        call(&["measure"]).and(name)
    }),
    ("frame that is none", |folder, foreign| {
        fs::create_dir(folder.join("frames")).unwrap();
        fs::write(folder.join("frames").join(foreign.argument("", ".png")), "none").unwrap();
        Some(call(&["measure", "frames"]))
    }),
    ("text in an MP4", |folder, foreign| {
        film(folder, "film.mp4", foreign.text()?);
        Some(call(&["show", "film.mp4"]))
    }),
    ("text in a GIF", |folder, foreign| {
        film(folder, "film.gif", foreign.text()?);
        Some(call(&["show", "film.gif"]))
    }),
    ("text in a WebP", |folder, foreign| {
        film(folder, "film.webp", foreign.text()?);
        Some(call(&["show", "film.webp"]))
    }),
    ("text in frames", |folder, foreign| {
        film(folder, "frames", foreign.text()?);
        Some(call(&["show", "frames"]))
    }),
    ("job in a film", |folder, foreign| {
        film(folder, "film.gif", &format!("[[keyframe]]\nprompt = {}\n", foreign.quoted()?));
        Some(call(&["show", "film.gif"]))
    }),
    ("job in a film, as it is", |folder, foreign| {
        film(folder, "film.gif", &format!("[[keyframe]]\nprompt = '''{}'''\n", foreign.text()?));
        Some(call(&["show", "film.gif"]))
    }),
    ("film as a job", |folder, foreign| {
        film(folder, "film.mp4", &format!("{} = 1\n", foreign.text()?));
        Some(call(&["render", "film.mp4", "-o=again.mp4"]))
    }),
    ("text in a job", |folder, foreign| Some(job(folder, foreign.text()?))),
    ("key of a job", |folder, foreign| Some(job(folder, &format!("{} = 1\n", foreign.quoted()?)))),
    ("value in a job", |folder, foreign| {
        Some(job(folder, &format!("sampler = {}\n", foreign.quoted()?)))
    }),
    ("prompts in a job", |folder, foreign| {
        let keyframe = format!("[[keyframe]]\nprompt = {}\n", foreign.quoted()?);
        Some(job(folder, &format!("model = {}\n{keyframe}{keyframe}", foreign.quoted()?)))
    }),
    ("picture in a job", |folder, foreign| {
        let path = foreign.quoted()?;
        Some(job(folder, &format!("[[keyframe]]\nimage = {path}\n[[keyframe]]\nprompt = \"a\"\n")))
    }),
    ("include of a job", |folder, foreign| {
        Some(job(folder, &format!("include = {}\n", foreign.quoted()?)))
    }),
    ("name of a job", |_, foreign| call(&["plan"]).and(foreign.argument("", ".toml"))),
    ("name of a model", |folder, foreign| {
        let model = folder.join("models").join(foreign.argument("", ""));
        fs::create_dir_all(model.join("unet")).unwrap();
        Some(call(&["models"]))
    }),
    ("name of a model, in the report", |folder, foreign| {
        let model = folder.join("models").join(foreign.argument("", ""));
        fs::create_dir_all(model.join("unet")).unwrap();
        Some(call(&["doctor"]))
    }),
    ("licence", |folder, foreign| {
        let call = of_model(folder);
        let card = [b"---\nlicense: ", foreign.bytes, b"\n---\n"].concat();
        fs::write(folder.join("model/README.md"), card).unwrap();
        Some(call)
    }),
    ("licence file", |folder, foreign| {
        let call = of_model(folder);
        fs::write(folder.join("model/LICENSE"), foreign.bytes).unwrap();
        Some(call)
    }),
    ("class", |folder, foreign| of_setting(folder, "model_index.json", "_class_name", foreign)),
    ("UNet's setting", |folder, foreign| of_setting(folder, "unet/config.json", "in_channels", foreign)),
    ("UNet's blocks", |folder, foreign| of_setting(folder, "unet/config.json", "act_fn", foreign)),
    ("VAE's setting", |folder, foreign| of_setting(folder, "vae/config.json", "scaling_factor", foreign)),
    ("text encoder's setting", |folder, foreign| of_setting(folder, "text_encoder/config.json", "hidden_act", foreign)),
    ("schedule", |folder, foreign| of_setting(folder, "scheduler/scheduler_config.json", "beta_schedule", foreign)),
    ("scheduler's class", |folder, foreign| of_setting(folder, "scheduler/scheduler_config.json", "_class_name", foreign)),
    ("token", |folder, foreign| of_setting(folder, "tokenizer/tokenizer_config.json", "bos_token", foreign)),
    ("vocabulary", |folder, foreign| {
        let call = of_model(folder);
        replace(&folder.join("model/tokenizer/vocab.json"), foreign.bytes);
        Some(call)
    }),
    ("merges", |folder, foreign| {
        let call = of_model(folder);
        replace(&folder.join("model/tokenizer/merges.txt"), foreign.bytes);
        Some(call)
    }),
    ("configuration that is no JSON", |folder, foreign| {
        let call = of_model(folder);
        replace(&folder.join("model/unet/config.json"), foreign.bytes);
        Some(call)
    }),
    ("manifest", |folder, foreign| {
        let call = of_model(folder);
        fs::write(folder.join("model/lb.toml"), foreign.bytes).unwrap();
        Some(call)
    }),
    ("key of a manifest", |folder, foreign| {
        let call = of_model(folder);
        fs::write(folder.join("model/lb.toml"), format!("[defaults]\n{} = 1\n", foreign.quoted()?)).unwrap();
        Some(call)
    }),
    ("model that a manifest names", |folder, foreign| {
        let call = of_model(folder);
        fs::write(folder.join("model/lb.toml"), format!("[shared]\nvae = {}\n", foreign.quoted()?)).unwrap();
        Some(call)
    }),
    ("tensor", |folder, foreign| {
        let name = foreign.quoted()?;
        let header = format!(r#"{{{name}: {{"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}}}"#);
        fs::write(folder.join("decoder.safetensors"), safetensors(&header)).unwrap();
        Some(call(&["render", "a", "b", "--vae=decoder.safetensors", "-o=a.gif"]))
    }),
    ("number format", |folder, foreign| {
        let dtype = foreign.quoted()?;
        let header = format!(r#"{{"a": {{"dtype": {dtype}, "shape": [1], "data_offsets": [0, 4]}}}}"#);
        fs::write(folder.join("weights.safetensors"), safetensors(&header)).unwrap();
        Some(call(&["import", "weights.safetensors"]))
    }),
    ("header that is no JSON", |folder, foreign| {
        let header = [b"{", foreign.bytes].concat();
        let start = (header.len() as u64).to_le_bytes();
        fs::write(folder.join("weights.safetensors"), [&start, &header[..]].concat()).unwrap();
        Some(call(&["import", "weights.safetensors"]))
    }),
    ("file of an index", |folder, foreign| {
        let call = of_model(folder);
        fs::remove_file(folder.join("model/unet/diffusion_pytorch_model.safetensors")).unwrap();
        let index = format!(r#"{{"weight_map": {{"conv_in.weight": {}}}}}"#, foreign.quoted()?);
        replace(&folder.join("model/unet/diffusion_pytorch_model.safetensors.index.json"), index);
        Some(call)
    }),
    ("name in a pickle", |folder, foreign| {
        let global = name("os", &foreign.text()?.replace('\n', " "));
        fs::write(folder.join("model.ckpt"), archive(&program(&global), &[])).unwrap();
        Some(call(&["import", "model.ckpt"]))
    }),
    ("key in a pickle", |folder, foreign| {
        let state = dictionary(&[("state_dict", dictionary(&[(foreign.text()?, text("a"))]))]);
        fs::write(folder.join("model.ckpt"), archive(&program(&state), &[])).unwrap();
        Some(call(&["import", "model.ckpt"]))
    }),
    ("name in an archive", |folder, foreign| {
        let entries = [(foreign.text()?.to_owned(), &b"a"[..])];
        let mut bytes = archive_of(&program(b"}"), &entries);
        // What claims to be encrypted is refused by its name.
        let at = bytes.windows(4).rposition(|at| at == b"PK\x01\x02").unwrap();
        bytes[at + 8] |= 1;
        fs::write(folder.join("model.ckpt"), bytes).unwrap();
        Some(call(&["import", "model.ckpt"]))
    }),
    ("name of an import", |folder, foreign| {
        link_folder(golden("sd2/diffusers").as_ref(), &folder.join("source"));
        call(&["import", "source"]).and(foreign.argument("--name=", ""))
    }),
    ("source of an import", |_, foreign| call(&["import"]).and(foreign.argument("", ""))),
    ("configuration of an import", |folder, foreign| {
        fs::write(folder.join("weights.safetensors"), safetensors("{}")).unwrap();
        call(&["import", "weights.safetensors"]).and(foreign.argument("--config=", ""))
    }),
    ("autoencoder of an import", |folder, foreign| {
        fs::write(folder.join("weights.safetensors"), safetensors("{}")).unwrap();
        call(&["import", "weights.safetensors"]).and(foreign.argument("--vae=", ""))
    }),
    ("LB_MODEL", |_, foreign| call(PLAN).with("LB_MODEL", foreign.argument("", ""))),
    ("LB_MODELS", |_, foreign| call(PLAN).with("LB_MODELS", foreign.argument("", ""))),
    ("LB_CACHE_DIR", |_, foreign| {
        call(&["render", "a", "b", "-o=a.gif"]).with("LB_CACHE_DIR", foreign.argument("/dev/null/", ""))
    }),
    ("LB_CACHE_SIZE", |_, foreign| {
        call(&["render", "a", "b", "-o=a.gif"]).with("LB_CACHE_SIZE", foreign.argument("", ""))
    }),
    ("ORT_DYLIB_PATH", |_, foreign| call(&["doctor"]).with("ORT_DYLIB_PATH", foreign.argument("", ""))),
    ("ORT_DYLIB_PATH of a render", |_, foreign| {
        call(&["render", "a", "b", "-o=a.gif"]).with("ORT_DYLIB_PATH", foreign.argument("", ""))
    }),
    ("position of a frame", |folder, foreign| {
        fs::create_dir(folder.join("frames")).unwrap();
        let options = FilmOptions::default();
        let mut film = FilmWriter::create(folder.join("frames/computed"), 16, 16, &options).unwrap();
        for _ in 0..2 {
            film.write_with_text(RgbImage::new(16, 16), foreign.text()?.to_owned()).unwrap();
        }
        film.finish().unwrap();
        Some(call(&["upscale", "frames/computed", "--model=x", "-o=a.mp4", "a", "b"]))
    }),
];

/// The longest that any of these commands may take on a busy machine.
const LONGEST: Duration = Duration::from_secs(60);

/// Where a stream contains something that a terminal would obey, with what is around it.
fn obeyed(stream: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(stream);
    let is_obeyed = |letter: char| match letter {
        '\n' | '\t' => false,
        // Embeddings, overrides and isolates, which turn the direction of what follows.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        letter => letter.is_control(),
    };
    // Bytes that are not UTF-8 may be C1 controls in other encodings.
    if let Err(error) = std::str::from_utf8(stream) {
        return Some(format!(
            "bytes that are no text at {}: {text:?}",
            error.valid_up_to()
        ));
    }
    let at = text.find(is_obeyed)?;
    let from = text.floor_char_boundary(at.saturating_sub(40));
    let to = text.ceil_char_boundary(at + 20);
    Some(format!("{:?}", &text[from..to]))
}

/// Whether a line of the text was printed as if the program had said it.
fn is_forged(output: &Output) -> bool {
    let forged = |stream: &[u8]| {
        let text = String::from_utf8_lossy(stream).into_owned();
        text.lines().any(|line| line.starts_with("error: forged"))
    };
    forged(&output.stderr)
}

#[test]
fn no_text_of_others_controls_the_terminal() {
    let mut all: Vec<_> = (0..WAYS.len())
        .flat_map(|way| (0..TEXTS.len()).map(move |text| (way, text)))
        .collect();
    let mut chance = chance();
    let wanted = runs("LB_ATTACK_ESCAPES", 60).min(all.len());
    while all.len() > wanted {
        all.swap_remove(chance.below(all.len()));
    }
    let (mut made, mut wrong) = (0, Vec::new());
    for (way, text) in all {
        let (called, prepare) = WAYS[way];
        let folder = Folder::new();
        let Some(call) = prepare(&folder, &Foreign { bytes: TEXTS[text] }) else {
            continue;
        };
        let mut command = folder.command(&call.arguments);
        isolated(&mut command, &folder).envs(call.environment);
        let ended = within(command.spawn().unwrap(), LONGEST);
        made += 1;
        let what = format!("{called} {:?}", String::from_utf8_lossy(TEXTS[text]));
        let Some(output) = ended else {
            wrong.push(format!("{what}: does not end"));
            continue;
        };
        for (stream, bytes) in [("output", &output.stdout), ("error", &output.stderr)] {
            if let Some(found) = obeyed(bytes) {
                wrong.push(format!("{what}: on standard {stream}: {found}"));
            }
        }
        if is_forged(&output) {
            wrong.push(format!("{what}: a forged message"));
        }
        if String::from_utf8_lossy(&output.stderr).contains("panicked") {
            wrong.push(format!("{what}: a panic"));
        }
    }
    report(
        "escapes",
        &json!({ "runs": made, "ways": WAYS.len(), "texts": TEXTS.len(), "obeyed": wrong.len() }),
    );
    assert!(
        wrong.is_empty(),
        "{} of {made}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
