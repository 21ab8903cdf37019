/** Requests that two servers in a row may read in two ways are refused before anything else is done about them. */
import type { FastifyRequest } from 'fastify'
import { BffError } from '../../error.ts'

/** Whatever stands in these twice, some server takes the first of, and some the last. */
const single: ReadonlySet<string> = new Set([
  'authorization',
  'content-encoding',
  'content-length',
  'content-type',
  'host',
  'origin',
  'transfer-encoding',
  'x-correlation-id',
  'x-csrf-token',
])

/**
 * An `onRequest` hook. Node's parser has refused by then what is not HTTP: both Content-Length and Transfer-Encoding, lengths that
 * differ, folded lines.
 *
 * @throws BffError `INVALID_REQUEST`
 */
export async function refuseAmbiguous({ raw }: FastifyRequest): Promise<void> {
  const names = raw.rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase())
  // CGI and its heirs read X_Auth_Subject as X-Auth-Subject, some of them any other sign too.
  const odd = names.find((name) => !/^[a-z0-9-]+$/.test(name))
  if (odd !== undefined) throw new BffError('INVALID_REQUEST', 'names of headers have letters, digits and hyphens only')
  const twice = names.find((name, index) => single.has(name) && names.indexOf(name) !== index)
  if (twice !== undefined) throw new BffError('INVALID_REQUEST', `${twice} stands there twice`)
  // RFC 9110 §9.3.1: a body there has no meaning, and hides requests from servers that do not read it.
  if (/^(GET|HEAD|TRACE)$/.test(raw.method ?? '') && hasBody(raw.headers)) {
    throw new BffError('INVALID_REQUEST', `${raw.method} has no body`)
  }
}

/** RFC 9112 §6.3: whether a request has a body is said by these. */
export function hasBody(headers: FastifyRequest['headers']): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}
