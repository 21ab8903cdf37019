/** RFC 7518 §3.2: a secret is at least as long as the digest. In bytes. */
const LEAST_BYTES: ReadonlyMap<string, number> = new Map([
  ['HS256', 32],
  ['HS384', 48],
  ['HS512', 64],
])

/** Whether tokens of that algorithm are verified by a secret that their issuer shares. */
export function isSharedSecretAlgorithm(name: string): boolean {
  return LEAST_BYTES.has(name)
}

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

function leastBytes(algorithm: string): number {
  return LEAST_BYTES.get(algorithm) ?? 0
}
