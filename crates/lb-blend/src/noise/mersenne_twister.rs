//! The MT19937 engine (Matsumoto and Nishimura 1998) that torch's CPU generator is built on.

const STATE: usize = 624;
const MIDDLE: usize = 397;

/// 32 random bits at a time, equal to C++'s `std::mt19937`.
#[derive(Clone, Debug)]
pub(super) struct MersenneTwister {
    state: Box<[u32; STATE]>,
    next: usize,
}

impl MersenneTwister {
    pub(super) fn seeded(seed: u32) -> Self {
        let mut state = Box::new([seed; STATE]);
        for index in 1..STATE {
            let previous = state[index - 1];
            state[index] = 1_812_433_253_u32
                .wrapping_mul(previous ^ (previous >> 30))
                .wrapping_add(index as u32);
        }
        Self { state, next: STATE }
    }

    pub(super) fn next_u32(&mut self) -> u32 {
        if self.next == STATE {
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
        for index in 0..STATE {
            let joined =
                (self.state[index] & 0x8000_0000) | (self.state[(index + 1) % STATE] & 0x7fff_ffff);
            let odd = if joined & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[index] = self.state[(index + MIDDLE) % STATE] ^ (joined >> 1) ^ odd;
        }
        self.next = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The C++ standard names this value: [rand.predef], the 10000th of a default `mt19937`.
    #[test]
    fn the_ten_thousandth_value_is_the_standards() {
        let mut engine = MersenneTwister::seeded(5489);
        for _ in 1..10_000 {
            engine.next_u32();
        }
        assert_eq!(engine.next_u32(), 4_123_659_995);
    }
}
