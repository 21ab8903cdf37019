import { sign as cryptoSign, type KeyObject } from 'node:crypto'

/**
 * The one port through which anything is signed, so that a key may live elsewhere (an HSM, a KMS). Synchronous where the
 * key is in this process.
 *
 * @throws Error when this instance has no private half for `kid`
 */
export type Sign = (kid: string, bytes: Buffer) => Buffer | Promise<Buffer>

/** Signatures as JWS wants them (RFC 7518 §3), by algorithm. */
export const signatures: Readonly<Record<string, (key: KeyObject, bytes: Buffer) => Buffer>> = {
  // DER and a conversion here: twice as fast as `dsaEncoding: 'ieee-p1363'` on Node 24.
  ES256: (key, bytes) => rawFromDer(cryptoSign('sha256', bytes, key), 32),
  RS256: (key, bytes) => cryptoSign('sha256', bytes, key),
}

/** An ECDSA-Sig-Value (RFC 3279 §2.2.3) as two integers of `size` bytes. For P-256 every length fits one byte. */
function rawFromDer(der: Buffer, size: number): Buffer {
  const raw = Buffer.alloc(2 * size)
  const rEnd = 4 + (der[3] as number)
  copyInteger(der, 4, rEnd, raw, size)
  copyInteger(der, rEnd + 2, der.length, raw, 2 * size)
  return raw
}

/** DER drops leading zero bytes and puts one before a set high bit; the raw form has a fixed size and ends at `rawEnd`. */
function copyInteger(der: Buffer, start: number, end: number, raw: Buffer, rawEnd: number): void {
  const digits = der[start] === 0 ? start + 1 : start
  der.copy(raw, rawEnd - (end - digits), digits, end)
}
