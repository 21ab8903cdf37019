import assert from 'node:assert/strict'
import type { Reply, TestInstance } from '../estate.ts'
import { sendAs, type TestClient } from './client.ts'

/** Changes registrations by their clients' own tokens, at an instance that need not be there yet. */
export function changesOf(idp: () => TestInstance) {
  const patch = (client: TestClient, body: unknown, headers = {}, instance = idp()): Promise<Reply> =>
    sendAs(instance, client.rat, 'PATCH', client.path, body, headers)
  const put = (client: TestClient, body: object, headers = {}): Promise<Reply> =>
    sendAs(idp(), client.rat, 'PUT', client.path, { client_id: client.clientId, ...body }, headers)
  const read = async (client: TestClient): Promise<Reply['body']> =>
    (await sendAs(idp(), client.rat, 'GET', client.path)).body

  /** Is a change refused, and does it change nothing? @returns how the refusal is described */
  async function refused(client: TestClient, body: unknown, code = 'invalid_client_metadata'): Promise<string> {
    const before = await read(client)
    const reply = await patch(client, body)
    assert.deepEqual([reply.status, reply.body.error], [400, code], JSON.stringify(body)?.slice(0, 100))
    assert.deepEqual(await read(client), before)
    return reply.body.error_description
  }

  return { patch, put, read, refused }
}
