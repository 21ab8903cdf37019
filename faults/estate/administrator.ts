/** Administration over HTTP, by a client that remembers what it was answered. */
import type { Recording, SeenKeyring } from '../record/record.ts'
import { type Answer, ask, type Credential, jsonRequest, send, tokenRequest } from './http.ts'
import { until } from './until.ts'

export class Administrator {
  readonly #credential: Credential
  readonly #recording: Recording
  #bearer: string | undefined

  constructor(credential: Credential, recording: Recording) {
    this.#credential = credential
    this.#recording = recording
  }

  /** Any call. Undefined where nobody answered: then it is not known whether it was done. */
  async call(idp: string, method: string, path: string, body?: unknown): Promise<Answer | undefined> {
    const bearer = await this.#management(idp)
    if (bearer === undefined) return undefined
    const answer = await ask(`${idp}${path}`, jsonRequest(method, `Bearer ${bearer}`, body))
    // Expired: the next call gets a new one.
    if (answer?.status === 401) this.#bearer = undefined
    return answer
  }

  /** A keyring as one instance shows it; undefined where it does not answer. */
  async keyring(idp: string, name: string): Promise<SeenKeyring | undefined> {
    return this.#seen(await this.#timed(() => this.call(idp, 'GET', `/api/v1/keyrings/${name}`)))
  }

  /** Asks for a rotation. */
  async rotate(idp: string, name: string): Promise<Answer | undefined> {
    const timed = await this.#timed(() => this.call(idp, 'POST', `/api/v1/keyrings/${name}/rotate`, {}))
    this.#seen(timed)
    return timed.answer
  }

  /** Asks for a revocation; 200 says that it is committed and every live instance has confirmed it. */
  async revoke(idp: string, name: string, id: string): Promise<Answer | undefined> {
    this.#recording.revocationAsked(id)
    const body = { id, reason: 'a fault was wanted' }
    const timed = await this.#timed(() => this.call(idp, 'POST', `/api/v1/keyrings/${name}/revoke`, body))
    if (timed.answer?.status === 200) this.#recording.revocationAnswered(id, timed.at)
    this.#seen(timed)
    return timed.answer
  }

  /** A new agent with a secret: undefined unless both were answered. */
  async agent(idp: string, name: string): Promise<Credential | undefined> {
    const agent = await this.call(idp, 'POST', '/api/v1/agents', { name })
    if (agent?.status !== 201) return undefined
    const credential = await this.call(idp, 'POST', `/api/v1/agents/${agent.body.agentId}/credentials`)
    return credential?.status === 201 ? credential.body : undefined
  }

  /** What is listed at a path, by an instance that must answer. */
  async list(idp: string, path: 'verifiers' | 'instances') {
    return until(`${idp} lists its ${path}`, async () => {
      const answer = await this.call(idp, 'GET', `/api/v1/${path}`)
      return answer?.status === 200 && answer.body[path]
    })
  }

  async #management(idp: string): Promise<string | undefined> {
    if (this.#bearer === undefined) {
      const reply = await ask(`${idp}/api/v1/token`, tokenRequest(this.#credential, 'management'))
      if (reply?.status === 401) throw new Error('the administrator was refused')
      this.#bearer = reply?.status === 200 ? reply.body.access_token : undefined
    }
    return this.#bearer
  }

  async #timed(act: () => Promise<Answer | undefined>) {
    const sentAt = Date.now()
    const answer = await act()
    return { sentAt, at: Date.now(), answer }
  }

  #seen({ answer, ...exchange }: { sentAt: number; at: number; answer: Answer | undefined }): SeenKeyring | undefined {
    if (answer === undefined || answer.status >= 400) return undefined
    const seen: SeenKeyring = { ...exchange, ...answer.body }
    this.#recording.keyring(seen)
    return seen
  }
}

/** Asks until it is ready, which an instance is while it holds its lease, and an API while it has trust. */
export async function untilReady(url: string, withinMs?: number): Promise<void> {
  await until(`${url} is ready`, async () => (await send(`${url}/readyz`)).status === 200, withinMs)
}
