/** A policy decision point (AuthZEN Authorization API 1.0), which notes what it is asked. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Question {
  subject: { type: string; id: string; properties: Record<string, unknown> }
  resource: { type: string; id: string; properties?: Record<string, unknown> }
  action: { name: string }
}

export type DecisionPoint = Awaited<ReturnType<typeof startDecisionPoint>>

/** @param allows what it decides */
export async function startDecisionPoint(allows: (question: Question) => boolean) {
  const asked: { path: string; authorization: string | undefined; questions: Question[] }[] = []
  const point = {
    asked,
    /** It answers nothing but errors meanwhile. */
    isBroken: false,
    url: '',
    async close() {
      server.close().closeAllConnections()
      await once(server, 'close')
    },
  }
  const server = createServer(async (request, response) => {
    const body = JSON.parse(Buffer.concat(await request.toArray()).toString())
    const { url: path = '', headers } = request
    const questions: Question[] = body.evaluations?.map((one: object) => ({ ...body, ...one })) ?? [body]
    asked.push({ path, authorization: headers.authorization, questions })
    const decisions = questions.map((question) => ({ decision: allows(question) }))
    response.writeHead(point.isBroken ? 503 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(path.endsWith('s') ? { evaluations: decisions } : decisions[0]))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  point.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return point
}
