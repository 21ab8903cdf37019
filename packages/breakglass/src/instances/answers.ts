import type { Probe } from '../providers/port.ts'
import type { Answer, Ask } from './client.ts'
import type { Answered, InstanceAddress } from './verdict.ts'

/** A token that nobody takes for one by a known key: it makes no verifier look for new keys. */
const NO_TOKEN = 'e30.e30.AAAA'

/** The same token with a signature that does not match. The middle is changed, because of the last character some bits count for nothing. */
export function brokenToken(probe: Probe | undefined): string {
  const parts = probe?.token.split('.') ?? []
  const signature = Buffer.from(parts[2] ?? '', 'base64url')
  if (parts.length !== 3 || signature.length < 8) return NO_TOKEN
  const middle = signature.length >> 2
  signature[middle] = (signature[middle] as number) ^ 0xff
  return `${parts[0]}.${parts[1]}.${signature.toString('base64url')}`
}

/** Asks what the operator named with a token. */
export function tryToken(ask: Ask, instance: InstanceAddress, token: string, signal?: AbortSignal): Promise<Answer> {
  return ask(instance, { method: 'GET', path: instance.path, token, signal })
}

/** How an API says no to a bad token: RFC 6750 §3.1 has 401, and some have 400 or 403. Anything else says nothing about tokens. */
export function refusalIn({ status }: Answer): number | null {
  return [400, 401, 403].includes(status) ? status : null
}

/** The instance is too busy, or does not know: not an answer about the token. */
const SAYS_NOTHING = [408, 421, 425, 429]

/**
 * What an answer means, where `refusal` is how this instance refuses. 403 or 404 where a bad token gets 401 means that the
 * token itself was taken.
 */
export function meaningOf({ status }: Answer, refusal: number): Answered {
  if (status === refusal || status === 401) return 'refused'
  return status >= 500 || status < 200 || SAYS_NOTHING.includes(status) ? 'unknown' : 'accepted'
}

/** The code of an error, as `@rekey/verifier` and many others write it; never other text of an answer, which may repeat what was sent. */
export function reasonIn({ text }: Answer): string | undefined {
  const { code, error } = (objectIn(text) ?? {}) as { code?: unknown; error?: unknown }
  return [code, error].find((one): one is string => typeof one === 'string' && /^[A-Za-z][A-Za-z0-9_]{0,63}$/.test(one))
}

export function objectIn(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? { ...value } : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
