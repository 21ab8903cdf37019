import type { ApiRequest, ManagementApi } from './api.ts'
import { meaningOf } from './refusal.ts'

/** Asks for something below `/incidents`. What is answered is of one release with this, and taken at its word. */
export type Ask = <T>(method: ApiRequest['method'], path: string, body?: unknown, replyWithinMs?: number) => Promise<T>

export function asking(api: ManagementApi): Ask {
  return async <T>(method: ApiRequest['method'], path: string, body?: unknown, replyWithinMs?: number) => {
    const request: ApiRequest = { method, path: `/incidents${path}` }
    if (body !== undefined) request.body = body
    if (replyWithinMs !== undefined) request.replyWithinMs = replyWithinMs
    try {
      return (await api.call(request)) as T
    } catch (error) {
      throw meaningOf(error)
    }
  }
}
