//! Too much of everything.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::{Body, Bytes};
use futures_util::stream;
use serde_json::json;

use crate::client::{TestStudio, id, small_film};
use crate::imports::picture;

#[test]
fn an_upload_without_end_is_cut_off_and_not_kept() {
    let studio = TestStudio::new();
    let browser = studio.browser();
    let project = browser.project(&json!({}));
    let path = format!("/api/projects/{}/pictures", id(&project));
    // Ten gigabytes, which are made only as they are taken.
    let made = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&made);
    let part = Bytes::from(vec![0; 1 << 20]);
    let parts = stream::unfold(part, move |part| {
        let made = counted.fetch_add(1, Ordering::Relaxed);
        let part = (made < 10 << 10).then(|| (Ok::<_, std::io::Error>(part.clone()), part));
        async { part }
    });
    let request = browser
        .request("POST", &path)
        .body(Body::from_stream(parts))
        .unwrap();
    studio.send(request).refused(413);
    assert!(made.load(Ordering::Relaxed) < 40, "megabytes");
    // One that says at once that it is too large is not read at all.
    let request = browser
        .request("POST", &path)
        .header("content-length", (10_u64 << 30).to_string());
    studio
        .send(request.body(Body::empty()).unwrap())
        .refused(413);
    let import = browser.request("POST", "/api/projects/import");
    let import = import.header("content-length", (10_u64 << 30).to_string());
    studio
        .send(import.body(Body::empty()).unwrap())
        .refused(413);
    let pictures = studio
        .folder
        .path()
        .join("projects")
        .join(id(&project))
        .join("pictures");
    assert_eq!(std::fs::read_dir(pictures).unwrap().count(), 0);
}

#[test]
fn a_picture_bomb_is_refused_and_pictures_are_made_anew() {
    let studio = TestStudio::new();
    let browser = studio.browser();
    let project = browser.project(&json!({}));
    let path = format!("/api/projects/{}/pictures", id(&project));
    // A picture whose header declares more pixels than are allowed; its data are never asked for.
    let mut bomb = picture([9, 9, 9]);
    bomb[16..24].copy_from_slice(&[0, 0, 0x75, 0x30, 0, 0, 0x75, 0x30]);
    let crc = crc32(&bomb[12..29]);
    bomb[29..33].copy_from_slice(&crc.to_be_bytes());
    let answer = browser.upload(&path, bomb);
    assert!(
        matches!(answer.status.as_u16(), 400 | 413),
        "{}",
        answer.text()
    );
    for wrong in [
        b"".to_vec(),
        b"GIF89a".to_vec(),
        b"<svg onload=alert(1)>".to_vec(),
        vec![0; 5000],
    ] {
        let message = browser.upload(&path, wrong).refused(400);
        assert!(!message.contains("/tmp"), "{message}");
    }
    // What lies beside the pixels is not kept.
    let mut carrying = picture([7, 8, 9]);
    let end = carrying.len() - 12;
    let text = b"tEXtComment\0<script>alert(1)</script>";
    let mut chunk = (text.len() as u32 - 4).to_be_bytes().to_vec();
    chunk.extend(text);
    chunk.extend(crc32(text).to_be_bytes());
    carrying.splice(end..end, chunk);
    let uploaded = browser.upload(&path, carrying).granted();
    assert_eq!(
        (&uploaded["width"], &uploaded["height"]),
        (&json!(64), &json!(64))
    );
    let kept = browser.get(&format!("{path}/{}", uploaded["sha256"].as_str().unwrap()));
    assert!(!kept.text().contains("script"));
    let pixel = image::load_from_memory(&kept.bytes)
        .unwrap()
        .to_rgb8()
        .get_pixel(5, 5)
        .0;
    assert_eq!(pixel, [7, 8, 9]);
    let same = browser.upload(&path, picture([7, 8, 9])).granted();
    assert_eq!(same["sha256"], uploaded["sha256"], "named by what it shows");
}

/// The checksum of PNG.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(crc & 1));
        }
    }
    !crc
}

#[test]
fn ten_thousand_keyframes_and_endless_texts_are_refused() {
    let studio = TestStudio::new();
    let browser = studio.browser();
    let project = browser.project(&json!({}));
    let keyframes = vec![json!({ "prompt": "a" }); 10_000];
    browser
        .put_job(&project, &json!({ "keyframe": keyframes }))
        .refused(413);
    let long = "a".repeat(3 << 20);
    browser
        .put_job(&project, &json!({ "keyframe": [{ "prompt": long }] }))
        .refused(413);
    // A file of more than one megabyte could not be read again.
    let prompt = |bytes| vec![json!({ "prompt": "a".repeat(bytes) }); 200];
    browser
        .put_job(&project, &json!({ "keyframe": prompt(8_000) }))
        .refused(413);
    browser
        .put_job(
            &project,
            &json!({ "keyframe": [{ "prompt": "a".repeat(10_001) }] }),
        )
        .refused(413);
    let request = browser
        .request("POST", "/api/projects")
        .header("content-type", "text/plain");
    studio
        .send(request.body(Body::from("{}")).unwrap())
        .refused(400);
    let deep = "[".repeat(100_000);
    let request = browser
        .request("POST", "/api/projects")
        .header("content-type", "application/json");
    studio
        .send(request.body(Body::from(deep)).unwrap())
        .refused(400);
    let again = browser
        .get(&format!("/api/projects/{}", id(&project)))
        .granted();
    assert_eq!(again["revision"], 1);

    // As many as are allowed are planned at once.
    let keyframes: Vec<_> = (0..1000)
        .map(|at| json!({ "prompt": format!("{at}") }))
        .collect();
    let project = browser
        .put_job(&project, &json!({ "keyframe": keyframes }))
        .granted();
    let plan = browser.plan(&project);
    assert_eq!(plan["transitions"].as_array().unwrap().len(), 999);
}

#[test]
fn the_queue_is_limited() {
    let studio = TestStudio::new();
    let browser = studio.browser();
    let project = browser.project(&small_film());
    let task = json!({ "project": project["id"], "act": { "kind": "film", "format": "mp4" } });
    let first = browser.post("/api/tasks", &task).granted();
    browser.ask(&first, "pause").granted();
    let mut tasks = Vec::new();
    let refused = loop {
        let answer = browser.post("/api/tasks", &task);
        if !answer.status.is_success() {
            break answer;
        }
        let task = answer.granted();
        browser.ask(&task, "pause");
        tasks.push(task);
        assert!(tasks.len() < 200);
    };
    assert!(refused.refused(429).contains("too many"));
    for task in tasks {
        browser.ask(&task, "cancel").granted();
    }
}
