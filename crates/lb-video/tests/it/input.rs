//! Pictures from disk: what is read, and what is refused before it can do harm.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::{DynamicImage, ImageBuffer, ImageFormat, Luma, LumaA, Rgb, Rgba};
use lb_video::{InputError, picture_size, read_grey_picture, read_picture};
use tempfile::TempDir;

const FORMATS: [(ImageFormat, &str); 3] = [
    (ImageFormat::Png, "PNG"),
    (ImageFormat::Jpeg, "JPEG"),
    (ImageFormat::WebP, "WebP"),
];

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, bytes: &[u8]) -> PathBuf {
        let path = self.path("picture");
        fs::write(&path, bytes).unwrap();
        path
    }
}

fn encoded(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// Four quarters: red, green; blue, white.
fn quarters(side: u32) -> ImageBuffer<Rgb<u8>, Vec<u8>> {
    let half = side / 2;
    ImageBuffer::from_fn(side, side, |x, y| match (x < half, y < half) {
        (true, true) => Rgb([255, 0, 0]),
        (false, true) => Rgb([0, 255, 0]),
        (true, false) => Rgb([0, 0, 255]),
        (false, false) => Rgb([255, 255, 255]),
    })
}

/// The message of a refusal, which must be a wrong request and name the file; the path is cut out.
fn refusal(path: &Path) -> String {
    let error = read_picture(path).unwrap_err();
    assert!(error.is_request(), "{error}");
    let message = error.to_string();
    let name = path.display().to_string();
    assert!(message.contains(&name), "{message}");
    message.replace(&name, "FILE")
}

#[test]
fn every_format_is_read() {
    let folder = Folder::new();
    for (format, name) in FORMATS {
        let path = folder.file(&encoded(quarters(32), format));
        let picture = read_picture(&path).unwrap();
        assert_eq!(lb_video::picture::size(&picture), (32, 32), "{name}");
        let expected = quarters(32).into_raw();
        let worst = picture
            .as_raw()
            .iter()
            .zip(&expected)
            .map(|(&a, &b)| a.abs_diff(b))
            .max();
        let allowed = if format == ImageFormat::Jpeg { 110 } else { 0 };
        assert!(worst.unwrap() <= allowed, "{name}: {worst:?}");
    }
}

#[test]
fn sixteen_bits_and_grey_become_colour() {
    let folder = Folder::new();
    let grey = ImageBuffer::from_fn(3, 1, |x, _| Luma([[0u16, 0x8080, 0xffff][x as usize]]));
    let path = folder.file(&encoded(grey, ImageFormat::Png));
    assert_eq!(
        read_picture(&path).unwrap().into_raw(),
        [0, 0, 0, 128, 128, 128, 255, 255, 255]
    );
    let colour = ImageBuffer::from_pixel(1, 1, Rgb([0u16, 0x0101 * 7, 0x0101 * 200 + 100]));
    let path = folder.file(&encoded(colour, ImageFormat::Png));
    assert_eq!(read_picture(&path).unwrap().into_raw(), [0, 7, 200]);
}

#[test]
fn transparent_pixels_are_seen_over_white() {
    let folder = Folder::new();
    let pixels = [[10u8, 20, 30, 255], [10, 20, 30, 0], [0, 100, 255, 51]];
    let image = ImageBuffer::from_fn(3, 1, |x, _| Rgba(pixels[x as usize]));
    for format in [ImageFormat::Png, ImageFormat::WebP] {
        let path = folder.file(&encoded(image.clone(), format));
        let rgb = read_picture(&path).unwrap().into_raw();
        assert_eq!(rgb, [10, 20, 30, 255, 255, 255, 204, 224, 255]);
    }
    let grey = ImageBuffer::from_pixel(1, 1, LumaA([0u16, 0x3333]));
    let path = folder.file(&encoded(grey, ImageFormat::Png));
    assert_eq!(read_picture(&path).unwrap().into_raw(), [204, 204, 204]);
}

#[test]
fn grey_values_keep_sixteen_bits() {
    let folder = Folder::new();
    let ramp = ImageBuffer::from_fn(256, 256, |x, y| Luma([(y * 256 + x) as u16]));
    let path = folder.file(&encoded(ramp, ImageFormat::Png));
    let picture = read_grey_picture(&path).unwrap();
    assert_eq!(picture.dimensions(), (256, 256));
    for (level, &value) in picture.into_raw().iter().enumerate() {
        assert_eq!(value, (level as f64 / 65535.0) as f32);
    }
}

#[test]
fn a_mask_may_be_in_colours_but_not_transparent() {
    let folder = Folder::new();
    let path = folder.file(&encoded(quarters(2), ImageFormat::Png));
    let values = read_grey_picture(&path).unwrap().into_raw();
    assert_eq!(values, [0.2126, 0.7152, 0.0722, 1.0]);

    let opaque = ImageBuffer::from_pixel(1, 1, Rgba([51u8, 51, 51, 255]));
    let path = folder.file(&encoded(opaque, ImageFormat::Png));
    assert_eq!(read_grey_picture(&path).unwrap().into_raw(), [0.2]);

    let alpha = [255, 255, 255, 254];
    let image = ImageBuffer::from_fn(2, 2, |x, y| LumaA([0u8, alpha[(y * 2 + x) as usize]]));
    let path = folder.file(&encoded(image, ImageFormat::Png));
    let error = read_grey_picture(&path).unwrap_err();
    assert!(
        matches!(
            error,
            InputError::Transparent {
                column: 1,
                row: 1,
                ..
            }
        ),
        "{error}"
    );
}

/// A JPEG with an EXIF block that says how it is to be turned.
fn oriented(orientation: u8, jpeg: &[u8]) -> Vec<u8> {
    let tiff = [
        b"II*\0\x08\0\0\0".as_slice(),
        &[
            1,
            0,
            0x12,
            0x01,
            3,
            0,
            1,
            0,
            0,
            0,
            orientation,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
        ],
    ]
    .concat();
    let length = (2 + 6 + tiff.len() as u16).to_be_bytes();
    [
        &jpeg[..2],
        &[0xff, 0xe1],
        &length,
        b"Exif\0\0",
        &tiff,
        &jpeg[2..],
    ]
    .concat()
}

#[test]
fn pictures_stand_upright() {
    let folder = Folder::new();
    let jpeg = encoded(quarters(32), ImageFormat::Jpeg);
    let corner = |orientation| {
        let picture = read_picture(&folder.file(&oriented(orientation, &jpeg))).unwrap();
        let pixel = picture.get_pixel(4, 4);
        [pixel[0] > 128, pixel[1] > 128, pixel[2] > 128]
    };
    let (red, green, blue, white) = (
        [true, false, false],
        [false, true, false],
        [false, false, true],
        [true; 3],
    );
    // Which stored corner comes to the top left (EXIF 2.32, orientation).
    let expected = [red, green, white, blue, red, blue, white, green];
    for (index, expected) in expected.into_iter().enumerate() {
        assert_eq!(
            corner(index as u8 + 1),
            expected,
            "orientation {}",
            index + 1
        );
    }
}

#[test]
fn a_size_is_that_of_the_upright_picture() {
    let folder = Folder::new();
    let wide = ImageBuffer::from_pixel(32, 16, Rgb([90u8, 120, 200]));
    let jpeg = encoded(wide, ImageFormat::Jpeg);
    for orientation in 0..=9 {
        let path = folder.file(&oriented(orientation, &jpeg));
        let picture = read_picture(&path).unwrap();
        let size = picture_size(&path).unwrap();
        assert_eq!(size, lb_video::picture::size(&picture), "{orientation}");
        assert_eq!(size.0 < size.1, (5..=8).contains(&orientation));
    }
}

#[test]
fn only_regular_files_are_opened() {
    let folder = Folder::new();
    let message = refusal(&folder.path("nothing.png"));
    assert_eq!(message, "there is no picture FILE");
    let message = refusal(folder.0.path());
    assert_eq!(
        message,
        "FILE is a folder; a picture must be a regular file"
    );
    #[cfg(unix)]
    {
        let message = refusal(Path::new("/dev/zero"));
        assert_eq!(
            message,
            "FILE is a device; a picture must be a regular file"
        );
        // Opening a pipe that nobody writes to would never return.
        let pipe = folder.path("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        let message = refusal(&pipe);
        assert_eq!(message, "FILE is a pipe; a picture must be a regular file");
    }
}

#[test]
fn what_is_no_picture_is_named() {
    let folder = Folder::new();
    let message = |bytes: &[u8]| refusal(&folder.file(bytes));
    let read = "PNG, JPEG and WebP pictures are read";
    assert_eq!(message(b""), format!("FILE is an empty file; {read}"));
    assert_eq!(
        message(b"a red apple"),
        format!("FILE is no picture; {read}")
    );
    assert_eq!(
        message(b"GIF89a and so on"),
        format!("FILE is a picture in the format Gif; {read}")
    );
}

#[test]
fn a_huge_file_is_not_read() {
    let folder = Folder::new();
    let path = folder.file(b"");
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_len(300 << 20).unwrap();
    let message = refusal(&path);
    assert_eq!(
        message,
        "the picture FILE has 300 MiB; at most 256 are allowed"
    );
}
