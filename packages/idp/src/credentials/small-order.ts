/**
 * The y coordinates of Ed25519's points of small order, in both spellings where there are two (RFC 8032 §5.1.3). For such a
 * key anybody can write a signature that verifies.
 */
const coordinates: ReadonlySet<string> = new Set([
  '00'.repeat(32),
  `01${'00'.repeat(31)}`,
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  `ec${'ff'.repeat(30)}7f`,
  `ed${'ff'.repeat(30)}7f`,
  `ee${'ff'.repeat(30)}7f`,
])

/** @param point 32 bytes, as a JWK has them under `x`; the highest bit is the sign of the other coordinate */
export function isOfSmallOrder(point: Buffer): boolean {
  const y = Buffer.from(point)
  y[31] = (y[31] ?? 0) & 0x7f
  return coordinates.has(y.toString('hex'))
}
