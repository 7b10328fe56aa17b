//! The only random numbers of a film: the noise that a keyframe's trajectory starts from.
//!
//! They are torch's numbers, so that a seed means the same as in diffusers:
//! [`standard_normal`]`(seed, count)` is `torch.randn(count,
//! generator=torch.Generator().manual_seed(seed))` on the CPU, to within the last bits of a float
//! (torch's own vary with the processor it runs on). Torch's algorithm is in its
//! `aten/src/ATen/native/cpu/DistributionTemplates.h` (`normal_fill`) and
//! `aten/src/ATen/core/DistributionsHelper.h` (`normal_distribution`).

use crate::latents::{LatentShape, Latents, ShapeError};
use crate::mix::slerp;

/// Values that torch makes at a time with the Box–Muller transform: eight radii, eight angles.
const BLOCK: usize = 16;

/// `torch.randn(count, generator=torch.Generator().manual_seed(seed))`, float32, on the CPU.
///
/// As in torch, only the seed's low 32 bits count, and a longer draw may not begin with a shorter one's
/// values. It does where both lengths are multiples of 16.
///
/// ```
/// let noise = lb_blend::noise::standard_normal(0, 16);
/// assert!((noise[0] - -1.1258).abs() < 1e-4); // torch.manual_seed(0); torch.randn(16)[0]
/// ```
pub fn standard_normal(seed: u64, count: usize) -> Vec<f32> {
    Generator::seeded(seed).standard_normal(count)
}

/// The noise that a trajectory of this shape starts from: `torch.randn(1, channels, height, width)`
/// for the seed.
///
/// The noise schedules supported here start at unit variance, so it needs no scaling.
///
/// # Errors
/// [`ShapeError::Empty`] if the shape has no values.
pub fn initial_latents(seed: u64, shape: LatentShape) -> Result<Latents, ShapeError> {
    Latents::from_values(shape, standard_normal(seed, shape.len()))
}

/// Noise on the arc between that of a seed and that of another one: `strength` is the share of the way, from 0
/// (the noise of `seed`) to 1 (that of `variation_seed`). With small strengths, pictures are like that of `seed`.
///
/// # Errors
/// As [`initial_latents`], and [`ShapeError::Mix`] for a strength outside of 0 to 1.
pub fn varied_latents(
    seed: u64,
    variation_seed: u64,
    strength: f64,
    shape: LatentShape,
) -> Result<Latents, ShapeError> {
    let [from, to] = [seed, variation_seed].map(|seed| standard_normal(seed, shape.len()));
    let mut varied = vec![0.0; shape.len()];
    slerp(&from, &to, strength, &mut varied)?;
    Latents::from_values(shape, varied)
}

/// A `torch.Generator` on the CPU, for several draws from one seed in torch's order.
#[derive(Clone, Debug)]
pub struct Generator {
    engine: MersenneTwister,
    /// The second value of a Box–Muller pair, which torch keeps for the next short draw.
    spare: Option<f64>,
}

impl Generator {
    /// `torch.Generator().manual_seed(seed)`.
    pub fn seeded(seed: u64) -> Self {
        // torch seeds the 32-bit engine with the low half alone.
        Self {
            engine: MersenneTwister::seeded(seed as u32),
            spare: None,
        }
    }

    /// `torch.randn(count, generator=self)`.
    pub fn standard_normal(&mut self, count: usize) -> Vec<f32> {
        if count < BLOCK {
            return (0..count).map(|_| self.normal_in_double() as f32).collect();
        }
        let mut values: Vec<f32> = (0..count).map(|_| self.uniform()).collect();
        values.chunks_exact_mut(BLOCK).for_each(box_muller);
        if !count.is_multiple_of(BLOCK) {
            // torch has no partial block: the last 16 values are drawn again, over finished ones.
            let tail = &mut values[count - BLOCK..];
            tail.fill_with(|| self.uniform());
            box_muller(tail);
        }
        values
    }

    /// A multiple of 2⁻²⁴ in [0, 1).
    fn uniform(&mut self) -> f32 {
        (self.engine.next_u32() & 0x00ff_ffff) as f32 / 16_777_216.0
    }

    /// A multiple of 2⁻⁵³ in [0, 1).
    fn uniform_in_double(&mut self) -> f64 {
        let high = u64::from(self.engine.next_u32());
        let low = u64::from(self.engine.next_u32());
        (((high << 32) | low) & 0x001f_ffff_ffff_ffff) as f64 / 9_007_199_254_740_992.0
    }

    /// One value, as torch makes it in draws of fewer than 16.
    fn normal_in_double(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        let turn = self.uniform_in_double();
        let radius = libm::sqrt(-2.0 * libm::log1p(-self.uniform_in_double()));
        let angle = 2.0 * std::f64::consts::PI * turn;
        self.spare = Some(radius * libm::sin(angle));
        radius * libm::cos(angle)
    }
}

/// Sixteen uniform values to sixteen normal ones, in place, in float32 as torch does.
fn box_muller(block: &mut [f32]) {
    let (first, second) = block.split_at_mut(BLOCK / 2);
    for (a, b) in first.iter_mut().zip(second) {
        let radius = libm::sqrtf(-2.0 * libm::logf(1.0 - *a));
        let angle = 2.0 * std::f32::consts::PI * *b;
        *a = radius * libm::cosf(angle);
        *b = radius * libm::sinf(angle);
    }
}

const MT_STATE: usize = 624;
const MT_MIDDLE: usize = 397;

/// The MT19937 engine (Matsumoto and Nishimura 1998) that torch's CPU generator is built on: 32
/// random bits at a time, equal to C++'s `std::mt19937`.
#[derive(Clone, Debug)]
struct MersenneTwister {
    state: Box<[u32; MT_STATE]>,
    next: usize,
}

impl MersenneTwister {
    fn seeded(seed: u32) -> Self {
        let mut state = Box::new([seed; MT_STATE]);
        for index in 1..MT_STATE {
            let previous = state[index - 1];
            state[index] = 1_812_433_253_u32
                .wrapping_mul(previous ^ (previous >> 30))
                .wrapping_add(index as u32);
        }
        Self {
            state,
            next: MT_STATE,
        }
    }

    fn next_u32(&mut self) -> u32 {
        if self.next == MT_STATE {
            self.twist();
        }
        let mut bits = self.state[self.next];
        self.next += 1;
        bits ^= bits >> 11;
        bits ^= (bits << 7) & 0x9d2c_5680;
        bits ^= (bits << 15) & 0xefc6_0000;
        bits ^ (bits >> 18)
    }

    fn twist(&mut self) {
        for index in 0..MT_STATE {
            let joined = (self.state[index] & 0x8000_0000)
                | (self.state[(index + 1) % MT_STATE] & 0x7fff_ffff);
            let odd = if joined & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[index] = self.state[(index + MT_MIDDLE) % MT_STATE] ^ (joined >> 1) ^ odd;
        }
        self.next = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variations_lie_between_two_seeds_and_are_noise() {
        let shape = LatentShape {
            channels: 4,
            height: 16,
            width: 16,
        };
        let varied = |strength| varied_latents(3, 8, strength, shape);
        assert_eq!(varied(0.0), initial_latents(3, shape));
        assert_eq!(varied(1.0), initial_latents(8, shape));
        let half = varied(0.5).unwrap();
        let square: f32 = half.values().iter().map(|value| value * value).sum();
        let variance = square / shape.len() as f32;
        assert!((0.9..1.1).contains(&variance), "{variance}");
        assert!(varied(1.5).is_err());
    }

    #[test]
    fn seeds_count_by_their_low_half() {
        assert_eq!(standard_normal(7, 40), standard_normal(7 + (1 << 32), 40));
        assert_ne!(standard_normal(7, 40), standard_normal(8, 40));
    }

    #[test]
    fn a_partial_block_is_drawn_over_finished_values() {
        let whole = standard_normal(3, 32);
        let partial = standard_normal(3, 20);
        assert_eq!(partial[..4], whole[..4]);
        assert_ne!(partial[4..16], whole[4..16]);
    }

    #[test]
    fn draws_continue_where_the_last_one_ended() {
        let mut generator = Generator::seeded(5);
        let first = generator.standard_normal(16);
        let second = generator.standard_normal(16);
        assert_eq!([first, second].concat(), standard_normal(5, 32));
    }

    /// The C++ standard gives this value in [rand.predef]: the 10000th of a default `mt19937`.
    #[test]
    fn the_ten_thousandth_value_is_the_standards() {
        let mut engine = MersenneTwister::seeded(5489);
        for _ in 1..10_000 {
            engine.next_u32();
        }
        assert_eq!(engine.next_u32(), 4_123_659_995);
    }
}
