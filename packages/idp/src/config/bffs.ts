import { z } from 'zod'

/** A backend for frontend, which keeps sessions of its own. */
export interface BffTarget {
  /** Without a trailing slash. */
  url: string
  /** The file of the token that its internal endpoints ask for; otherwise that of all of them. */
  tokenFile?: string
  /** As which client it logs users in: by this its sessions are meant where those of a client end. */
  clientId?: string
}

const option = /^(token|client)=(.*)$/

// Written out as one types it, redaction would take file:/path for the secret.
const form =
  'after an address may stand a token (its name, an equals sign and file:/path) and a client (the same and its id)'

/**
 * Reads what an operator names as backends for frontends, divided by line breaks, or by commas before an address:
 *
 *     https://bff.internal token=file:/run/secrets/bff client=bff, https://other.internal
 */
export const bffTargets = z.string().transform((text, context): BffTarget[] => {
  try {
    return text
      .split(/\r?\n|,\s*(?=https?:\/\/|$)/)
      .filter((part) => part.trim() !== '')
      .map(targetIn)
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message })
    return z.NEVER
  }
})

function targetIn(text: string): BffTarget {
  const [url = '', ...options] = text.trim().split(/\s+/)
  const target: BffTarget = { url: addressOf(url) }
  for (const word of options) {
    const [, name, value = ''] = option.exec(word) ?? []
    // Never the word itself: it may be a secret that came here by mistake.
    if (name === undefined || value === '') throw new TypeError(form)
    if (name === 'client') target.clientId = value
    else target.tokenFile = fileOf(value)
  }
  return target
}

function addressOf(text: string): string {
  const url = URL.parse(text)
  const isPlain = url && url.username === '' && url.password === '' && url.search === '' && url.hash === ''
  if (!isPlain || !/^https?:$/.test(url.protocol)) throw new TypeError('an address is no plain URL of http or https')
  return text.replace(/\/+$/, '')
}

function fileOf(value: string): string {
  if (/^file:./.test(value)) return value.slice('file:'.length)
  throw new TypeError(
    'of a token the file stands there, as file:/path: the secret itself has no place beside an address',
  )
}
