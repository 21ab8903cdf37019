import { randomUUID } from 'node:crypto'
import type { PresentedRequest } from '../binding/request.ts'

const SANE = /^[A-Za-z0-9._:-]{1,128}$/

/** The id that the caller's logs know this request by; a new one where it sent none that may be repeated. */
export function correlationId(request: PresentedRequest): string {
  const sent = [request.header('x-correlation-id'), request.header('x-request-id')]
  return sent.find((id) => id !== undefined && SANE.test(id)) ?? randomUUID()
}
