import { Browser } from './browser.ts'
import { callByBearer, callBySession, leave, postWithAndWithoutToken, readSession } from './calls.ts'
import { Checks, type Verification } from './check.ts'
import { acceptedKey, discovery, publishedKeys } from './keys.ts'
import { begin, comeBack } from './login.ts'
import type { Subject } from './subject.ts'

/** The checklist after a rotation, over HTTP as a browser and a client go through it. */
export async function verify(subject: Subject): Promise<Verification> {
  const browser = new Browser(subject.fetch, subject.replyWithinMs)
  const checks = new Checks()
  await checks.check('discovery', () => discovery(subject))
  const published = await checks.check('jwks', () => publishedKeys(subject))
  const begun = await checks.check('login', () => begin(subject, browser))
  const isIn = (await checks.check('callback', () => comeBack(subject, browser, begun))) !== undefined
  await checks.check('private_key_jwt', () => acceptedKey(subject, begun?.clientId, isIn, published?.kid))
  const session = await checks.check('session', () => readSession(subject, browser, isIn))
  await checks.check('session-call', () => callBySession(subject, browser, session !== undefined))
  await checks.check('csrf', () => postWithAndWithoutToken(subject, browser, session?.token))
  await checks.check('bearer-call', () => callByBearer(subject))
  await checks.check('logout', () => leave(subject, browser, session?.token))
  return checks.verification
}
