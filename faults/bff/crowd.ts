/** What users were answered, and what of it must not be. */
import assert from 'node:assert/strict'
import { cutHeader } from './balancer.ts'
import type { Reply, User } from './user.ts'

/** A database or a provider was away. What was away a moment ago may not be asked again at once. */
interface Outage {
  readonly from: number
  to: number
}

const graceMs = 3_000
/** Of which nobody needs more to know what is wrong. */
const mostTold = 20

/** Somebody at a browser, and what he knows of his session. */
export interface Person {
  readonly user: User
  sub: string
  /** Of a form that is open. */
  csrf: string
}

/** What came of something that a user did. */
export type Outcome = 'good' | 'cut' | 'bad'

export class Crowd {
  readonly counts = { gets: 0, posts: 0, logins: 0, logouts: 0, events: 0, streams: 0, cut: 0, unavailable: 0 }
  /** Cookies of sessions whose end was answered. */
  readonly ended: { cookie: string; userAgent: string }[] = []
  readonly #outages: Outage[] = []
  readonly #unavailable: { what: string; sentAt: number; at: number }[] = []
  readonly #breaches: string[] = []

  /** From now until the returned function is called, requests may be answered by 5xx. Never by anything else that is not good. */
  outage(): () => void {
    const outage = { from: Date.now(), to: Number.POSITIVE_INFINITY }
    this.#outages.push(outage)
    return () => {
      outage.to = Date.now()
    }
  }

  breach(what: string): void {
    this.#breaches.push(`${new Date().toISOString()} ${what}`)
  }

  /** Judges a reply that should be good. */
  judge(what: string, reply: Reply, isGood: (reply: Reply) => boolean): Outcome {
    if (isGood(reply)) return 'good'
    const { status, text, sentAt, at, cut } = reply
    const said = `${what}: ${status} ${text.slice(0, 200)} at ${reply.url.pathname}`
    if (cut) this.counts.cut += 1
    else if (status >= 500) this.#unavailable.push({ what: said, sentAt, at })
    else this.breach(said)
    return cut ? 'cut' : 'bad'
  }

  /** Logs somebody in. @returns nothing where that was cut off or is not possible at the moment */
  async logIn(user: User): Promise<Person | undefined> {
    user.forgetSession()
    const reply = await user.logIn('/api/hello')
    const outcome = this.judge(`a login of ${user.account.username}`, reply, isHello)
    if (outcome !== 'good') return undefined
    this.counts.logins += 1
    const person = { user, sub: JSON.parse(reply.text).sub, csrf: '' }
    return (await this.readSession(person)) === 'good' ? person : undefined
  }

  /** Asks who is logged in, and opens a new form. */
  async readSession(person: Person): Promise<Outcome> {
    const reply = await person.user.ask('GET', '/auth/session')
    const outcome = this.judge(`the session of ${nameOf(person)}`, reply, ({ status }) => status === 200)
    if (outcome !== 'good') return outcome
    const { user, csrf_token: csrf } = JSON.parse(reply.text)
    if (user.sub !== person.sub) this.breach(`${nameOf(person)} was taken for ${user.sub}`)
    person.csrf = csrf
    return outcome
  }

  async get(person: Person): Promise<Outcome> {
    this.counts.gets += 1
    const reply = await person.user.ask('GET', '/api/hello')
    return this.judge(`GET of ${nameOf(person)}`, reply, (given) => isFor(person, given))
  }

  async post(person: Person): Promise<Outcome> {
    this.counts.posts += 1
    const reply = await person.user.ask('POST', '/api/hello', { 'x-csrf-token': person.csrf })
    return this.judge(`POST of ${nameOf(person)}`, reply, (given) => isFor(person, given))
  }

  /** Where the end was answered, the cookie must be of no use any more, at any replica. */
  async logOut({ user, csrf }: Person, replicas: readonly string[]): Promise<void> {
    const was = { cookie: user.cookie, userAgent: user.userAgent }
    const reply = await user.ask('POST', '/auth/logout', { 'x-csrf-token': csrf })
    const outcome = this.judge(`a logout of ${user.account.username}`, reply, ({ status }) => status === 200)
    user.forgetSession()
    if (outcome !== 'good') return
    this.counts.logouts += 1
    this.ended.push(was)
    for (const replica of replicas) await this.expectEnded(replica, was)
  }

  async expectEnded(replica: string, { cookie, userAgent }: { cookie: string; userAgent: string }): Promise<void> {
    const headers = { cookie, 'user-agent': userAgent }
    // A replica that is dead, or cannot tell, answers nobody.
    const response = await fetch(`${replica}/api/hello`, { headers }).catch(() => undefined)
    await response?.body?.cancel()
    if (response && response.status < 500 && response.status !== 401) {
      this.breach(`${userAgent} was answered ${response.status} by ${replica} after the end of the session`)
    }
  }

  /** Reads a stream of events until it ends. */
  async listen(person: Person, signal: AbortSignal): Promise<void> {
    const sentAt = Date.now()
    const response = await person.user.open('/api/events', signal)
    const { status, headers } = response
    if (status !== 200 || response.body === null) {
      const about = { status, text: await response.text(), url: new URL(response.url), sentAt, at: Date.now() }
      this.judge(`events of ${nameOf(person)}`, { ...about, cut: headers.has(cutHeader) }, () => false)
      return
    }
    this.counts.streams += 1
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      for (const [, sub] of chunk.matchAll(/^data: (.*)$/gm)) {
        this.counts.events += 1
        if (sub !== person.sub) this.breach(`${nameOf(person)} was told an event of ${sub}`)
      }
    }
  }

  /** @throws AssertionError */
  conclude(): void {
    const isExcused = ({ sentAt, at }: { sentAt: number; at: number }) =>
      this.#outages.some(({ from, to }) => at >= from && sentAt <= to + graceMs)
    const unexplained = this.#unavailable.filter((one) => !isExcused(one)).map(({ what }) => what)
    this.counts.unavailable = this.#unavailable.length
    assert.deepEqual([...this.#breaches, ...unexplained].slice(0, mostTold), [], 'users were answered as they must be')
    const { gets, posts, logins, logouts, events } = this.counts
    assert.ok(
      Math.min(gets, posts, logins, logouts, events) > 0,
      `too little to judge by: ${JSON.stringify(this.counts)}`,
    )
  }
}

const nameOf = ({ user }: Person) => user.account.username
const isHello = ({ status, text }: Reply) => status === 200 && text.startsWith('{"sub"')
const isFor = ({ sub }: Person, reply: Reply) => isHello(reply) && JSON.parse(reply.text).sub === sub
