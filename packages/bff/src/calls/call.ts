/** One question to another service, whose answer is JSON. */

export interface Question {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface Answer {
  readonly status: number
  /** Nothing where the body is no JSON. */
  readonly json: unknown
}

/** What one try came to. A fault may pass: it says nothing about what was asked. */
export type Tried<T> = { readonly value: T } | { readonly fault: string; readonly afterMs?: number | undefined }

/** Sends a question: as `fetch` does. */
export type Send = (url: URL, init: RequestInit) => Promise<Response>

const maxAnswerBytes = 1_048_576

/**
 * Asks once. A redirect is an answer like any other, and never followed: credentials go to nobody but the one who was named.
 *
 * @returns a fault for no answer, for 429 and for 5xx
 */
export async function ask(send: Send, { url, headers, body }: Question, signal: AbortSignal): Promise<Tried<Answer>> {
  try {
    const response = await send(url, { method: 'POST', headers, body, redirect: 'manual', signal })
    const { status } = response
    if (status === 429 || status >= 500) {
      await response.body?.cancel()
      return { fault: String(status), afterMs: afterMsOf(response.headers.get('retry-after')) }
    }
    return { value: { status, json: jsonOf(await textOf(response)) } }
  } catch (error) {
    if (signal.aborted) return { fault: 'timeout' }
    // A fault of ours is none of theirs.
    if (error instanceof TypeError || error instanceof DOMException) return { fault: 'unreachable' }
    if ((error as NodeJS.ErrnoException).code !== undefined) return { fault: 'unreachable' }
    throw error
  }
}

function afterMsOf(header: string | null): number | undefined {
  return header !== null && /^\d{1,6}$/.test(header) ? Number(header) * 1_000 : undefined
}

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    // Leaving the loop cancels the rest.
    if (bytes > maxAnswerBytes) return ''
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Whoever asked for JSON sees that there is none.
    return undefined
  }
}

/** RFC 6749 §2.3.1: both are form-encoded first, so that a colon in one of them is told from the one between them. */
export function basic(clientId: string, clientSecret: string): string {
  const encoded = [clientId, clientSecret].map((text) => new URLSearchParams([['', text]]).toString().slice(1))
  return `Basic ${Buffer.from(encoded.join(':')).toString('base64')}`
}
