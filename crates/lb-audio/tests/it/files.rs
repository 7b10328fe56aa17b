//! Files that are not what they should be.

use lb_audio::{AudioError, Rhythm, SoundFile};

use crate::synthetic::{Track, pulse};

#[test]
fn a_file_is_read_whatever_its_channels_and_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let track = Track::of_clicks(44_100, 6.0, &pulse(100.0, 0.5, 6.0));
    let read = |name: &str, channels: u16| {
        let path = folder.path().join(name);
        track.write_wav(&path, channels);
        Rhythm::of_file(&path).unwrap()
    };
    let mono = read("mono.wav", 1);
    assert_eq!(mono.beats.len(), 10);
    assert_eq!(read("stereo", 2), mono);
    assert_eq!(read("six.mp3", 6).beats, mono.beats);
    // In memory, samples are not rounded to 16 bits.
    let exact = Rhythm::of_samples(track.rate, &track.samples).unwrap();
    for (found, expected) in exact.beats.iter().zip(&mono.beats) {
        assert!((found - expected).abs() < 0.002, "{found} {expected}");
    }
}

#[test]
fn the_samples_of_a_file_are_those_that_were_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("track.wav");
    let track = Track::of_clicks(8000, 1.0, &[0.2]);
    track.write_wav(&path, 2);
    let mut file = SoundFile::open(&path).unwrap();
    assert_eq!(file.sample_rate(), 8000);
    let mut samples = Vec::new();
    while let Some(block) = file.next_block().unwrap() {
        samples.extend_from_slice(block);
    }
    assert_eq!(samples.len(), track.samples.len());
    let off = samples
        .iter()
        .zip(&track.samples)
        .map(|(a, b)| (a - b).abs());
    assert!(off.fold(0.0, f32::max) < 1e-4);
}

#[test]
fn what_is_no_sound_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let error = Rhythm::of_file(&path).unwrap_err();
        assert!(error.is_request(), "{error}");
        let message = error.to_string();
        assert!(message.contains(name), "{message}");
        message
    };
    refused("text.ogg", b"these are words and no music at all");
    refused("empty.wav", b"");
    let short = Track::silent(8000, 0.0);
    let path = folder.path().join("short.wav");
    short.write_wav(&path, 1);
    let none = Rhythm::of_file(&path).unwrap_err().to_string();
    assert!(none.contains("short.wav"), "{none}");
    let missing = Rhythm::of_file(&folder.path().join("missing.wav")).unwrap_err();
    assert!(missing.to_string().contains("missing.wav"), "{missing}");
    let folder_itself = Rhythm::of_file(folder.path()).unwrap_err();
    assert!(
        matches!(folder_itself, AudioError::File(_)),
        "{folder_itself}"
    );
    let rate = Rhythm::of_samples(100, &[0.0]).unwrap_err();
    assert!(rate.to_string().contains("4000"), "{rate}");
}

/// A file that ends in the middle is heard as far as it goes.
#[test]
fn a_file_that_is_cut_short_is_heard_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("track.wav");
    let beats = pulse(100.0, 0.5, 10.0);
    Track::of_clicks(44_100, 10.0, &beats).write_wav(&path, 1);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let found = Rhythm::of_file(&path).unwrap();
    assert!((found.seconds - 5.0).abs() < 0.1, "{}", found.seconds);
    assert_eq!(found.beats.len(), 8);
}

/// Whatever the bytes of a file are, it is heard or refused.
#[test]
fn damaged_files_are_heard_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("track");
    Track::of_clicks(8000, 0.3, &[0.1]).write_wav(&path, 1);
    let bytes = std::fs::read(&path).unwrap();
    // The first bytes of other formats, followed by what does not belong there.
    let starts: [&[u8]; 7] = [
        b"RIFF",
        b"OggS\0\x02",
        b"fLaC\0\0\0\x22",
        b"ID3\x04\0\0",
        b"\0\0\0\x18ftypM4A ",
        b"\x1a\x45\xdf\xa3",
        b"\xff\xfb\x90\x64",
    ];
    for start in starts {
        let mut damaged = bytes.clone();
        damaged[..start.len()].copy_from_slice(start);
        std::fs::write(&path, &damaged).unwrap();
        match Rhythm::of_file(&path) {
            Ok(rhythm) => assert!(rhythm.seconds.is_finite() && rhythm.beats.len() < 100),
            Err(error) => assert!(!matches!(error, AudioError::File(_)), "{error}"),
        }
    }
    for at in 0..60 {
        for value in [0, 1, 0x7f, 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] = value;
            std::fs::write(&path, &damaged).unwrap();
            if let Ok(rhythm) = Rhythm::of_file(&path) {
                assert!(rhythm.seconds.is_finite() && rhythm.beats.len() < 100);
            }
        }
    }
}
