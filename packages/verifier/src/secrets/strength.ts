import { algorithmNamed } from '../jws/algorithms.ts'

/** What the other half of the algorithm-confusion attack needs: a public key, which everybody has, taken for a secret. */
const LOOKS_LIKE_A_KEY = /-----BEGIN |"kty"\s*:|^(?:ssh|ecdsa)-[a-z0-9-]+ /

/**
 * Refuses secrets that somebody could guess, or has. No message ever has anything of a secret in it.
 * @param algorithms what they are to be used with; none means the least that any of them needs
 * @throws {TypeError}
 */
export function assertStrongSecrets(secrets: readonly string[], algorithms: readonly string[]): void {
  const strongest = [...algorithms].sort((a, b) => leastBytes(b) - leastBytes(a))[0] ?? 'HS256'
  for (const secret of secrets) {
    if (LOOKS_LIKE_A_KEY.test(secret)) {
      throw new TypeError('a shared secret is the text of a key or certificate, which others may have')
    }
    if (Buffer.byteLength(secret) < leastBytes(strongest)) {
      throw new TypeError(`a shared secret for ${strongest} must be at least ${leastBytes(strongest)} bytes long`)
    }
  }
}

/** RFC 7518 §3.2: a secret is at least as long as the digest. */
function leastBytes(algorithm: string): number {
  return (algorithmNamed(algorithm)?.leastBits ?? 0) / 8
}
