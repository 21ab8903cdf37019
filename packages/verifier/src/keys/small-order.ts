/** The points of Ed25519 whose order divides 8, as they are encoded, also where y is not reduced; without the sign bit. */
const POINTS: ReadonlySet<string> = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
])

/**
 * Whether an Ed25519 key of 32 bytes is a point of small order. Under such a key anybody finds signatures, for one of
 * them a single signature that is good for every message, and OpenSSL takes them.
 */
export function isSmallOrder(point: Buffer): boolean {
  const unsigned = Buffer.from(point)
  unsigned[31] = (point[31] as number) & 0x7f
  return POINTS.has(unsigned.toString('hex'))
}
