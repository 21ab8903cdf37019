/** Users who do what users do, all the time, until they are told to stop. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Crowd, Person } from './crowd.ts'
import type { User } from './user.ts'

const pauseMs = { resident: 60, commuter: 100, sleeper: 13_000, again: 200 }
/** A form that was opened at the login is sent by every other one as long as this goes on. */
const newFormEvery = 12

export interface Activity {
  stop(): Promise<void>
}

/** Goes on with what it is given, whatever comes of it. */
function again(act: (signal: AbortSignal, round: number) => Promise<unknown>, betweenMs: number): Activity {
  const stopping = new AbortController()
  const { signal } = stopping
  const running = (async () => {
    for (let round = 0; !signal.aborted; round += 1) {
      await act(signal, round)
      await wait(betweenMs, undefined, { signal }).catch(() => undefined)
    }
  })()
  return {
    async stop() {
      stopping.abort()
      await running
    },
  }
}

/** Reads and writes. */
export function resident(crowd: Crowd, person: Person, keepsForm: boolean): Activity {
  return again(async (_signal, round) => {
    await crowd.get(person)
    if (round % 3 === 0) await crowd.post(person)
    if (!keepsForm && round % newFormEvery === 0) await crowd.readSession(person)
  }, pauseMs.resident)
}

/** Comes back when the access token is over. */
export function sleeper(crowd: Crowd, person: Person): Activity {
  return again(async (_signal, round) => {
    if (round > 0) await crowd.get(person)
  }, pauseMs.sleeper)
}

/** Listens to events, and again when they end. */
export function listener(crowd: Crowd, person: Person): Activity {
  return again(
    (signal) =>
      crowd.listen(person, signal).catch((error) => {
        // As a replica that is killed breaks it off. What is answered is judged where it is answered.
        if (!signal.aborted) crowd.counts.cut += 1
        if (!(error instanceof TypeError || signal.aborted)) throw error
      }),
    pauseMs.again,
  )
}

/** Logs in, works, logs out, and begins anew. */
export function commuter(crowd: Crowd, user: User, replicas: readonly string[]): Activity {
  return again(async () => {
    const person = await crowd.logIn(user)
    if (person === undefined) return
    await crowd.get(person)
    await crowd.post(person)
    await crowd.logOut(person, replicas)
  }, pauseMs.commuter)
}
