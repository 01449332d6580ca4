//! The frame that a payload of any bytes should have.

/// The same bytes with version, length and checksum of the frame at `at` put right.
pub fn reseal(mut bytes: Vec<u8>, at: usize) -> Vec<u8> {
    let _ = seal(&mut bytes, at);
    bytes
}

fn seal(bytes: &mut [u8], at: usize) -> Option<()> {
    let (head, payload) = bytes.get_mut(at..)?.split_first_chunk_mut::<{ super::FRAME_LEN }>()?;
    let len = u32::try_from(payload.len()).ok()?;
    let check = super::checksum(len, payload);
    let mut frame = [super::VERSION; super::FRAME_LEN];
    frame.get_mut(1..5)?.copy_from_slice(&len.to_le_bytes());
    frame.get_mut(5..)?.copy_from_slice(&check);
    *head = frame;
    Some(())
}
