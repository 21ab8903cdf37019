import type { App } from '@rekey/service'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Instance } from '../../instance.ts'
import { codes } from '../../openapi/errors.ts'
import type { Oidc } from '../open.ts'
import { expiredPage, foreignFormPage } from '../pages/notices.ts'
import { pageHeaders } from '../pages/page.ts'
import { type Interaction, interactionOf } from './begun.ts'
import { consent, consentOf } from './consent.ts'
import { logIn, loginOf } from './login.ts'
import { isOwnForm } from './own-form.ts'

/** What is answered: a page, or where to go on. */
export type Answer = { page: string; status: number; headers?: Record<string, string> } | { location: string }

/** One request about an interaction. */
export interface Step {
  oidc: Oidc
  interaction: Interaction
  request: FastifyRequest
  reply: FastifyReply
}

const tags = ['login']
const params = z.object({ uid: z.string().max(200) })
const csrf = z.string().max(200).default('').describe('Of the page')
const typed = z.string().max(1_000).default('')
const form = z.object({ csrf })
const loginForm = z.object({ csrf, username: typed, password: typed })
const text = (description: string) => ({ description, content: { 'text/html': { schema: z.string() } } })
const goesOn = z.null().describe('Goes on to the provider, and from there to the client')
const answers = {
  303: goesOn,
  400: text('It has expired, or is of another browser'),
  403: text('The form is not of this page'),
}
const refuses = codes('NO_LEASE', 'DATABASE_UNAVAILABLE', 'OVERLOADED')

/** The pages on which users log in and consent. They work without any script, on whichever instance. */
export function interactionRoutes(app: App, instance: Instance, oidc: Oidc): void {
  const one = '/api/oidc/interaction/:uid'

  type Asked = FastifyRequest & { params: { uid: string } }

  async function stepOf(request: Asked, reply: FastifyReply): Promise<Step | undefined> {
    instance.requireLease()
    const interaction = await interactionOf(oidc.current(), request, reply, request.params.uid)
    return interaction && { oidc, interaction, request, reply }
  }

  /** Goes on with a form, where it is ours. */
  async function submitted(
    request: Asked & { body: { csrf: string } },
    reply: FastifyReply,
    act: (step: Step) => Promise<Answer>,
  ) {
    const step = await stepOf(request, reply)
    if (!step) return send(reply, expired)
    const isOwn = isOwnForm(request, request.body.csrf, step.interaction, instance.config.issuer)
    return send(reply, isOwn ? await act(step) : { page: foreignFormPage(), status: 403 })
  }

  const shown = { ...answers, 200: text('The page to log in, or to consent') }
  const show = { tags, summary: 'Show what a user is asked', params, response: shown, refuses }
  app.get(one, { schema: show }, async (request, reply) => {
    const step = await stepOf(request, reply)
    if (!step) return send(reply, expired)
    const { prompt } = step.interaction
    return send(reply, prompt.name === 'login' ? await loginOf(step) : await consentOf(instance, step))
  })

  // Whoever reloads what came of a form.
  for (const form of ['login', 'consent', 'abort']) {
    const schema = { tags, summary: 'Back to the page of the form', params, response: { 303: goesOn } }
    app.get(`${one}/${form}`, { schema }, async ({ params }, reply) =>
      reply.redirect(`/api/oidc/interaction/${encodeURIComponent(params.uid)}`, 303),
    )
  }

  const response = {
    ...answers,
    422: text('The page once more: nobody is let in by this'),
    429: text('The page once more: too many tries'),
  }
  const submit = { tags, summary: 'Log in by username and password', params, body: loginForm, response, refuses }
  app.post(`${one}/login`, { schema: submit }, (request, reply) =>
    submitted(request, reply, (step) => logIn(instance, step, request.body)),
  )

  const allow = { tags, summary: 'Consent to what a client asks for', params, body: form, response: answers, refuses }
  app.post(`${one}/consent`, { schema: allow }, (request, reply) =>
    submitted(request, reply, (step) => consent(instance, step)),
  )

  const deny = { tags, summary: 'Go back without', params, body: form, response: answers, refuses }
  app.post(`${one}/abort`, { schema: deny }, (request, reply) => submitted(request, reply, abort))
}

const expired = { page: expiredPage(), status: 400 }

/** RFC 6749 §4.1.2.1: the client is told. */
async function abort({ oidc, request, reply }: Step): Promise<Answer> {
  const result = { error: 'access_denied', error_description: 'the user went back without signing in or consenting' }
  const options = { mergeWithLastSubmission: false }
  return { location: await oidc.current().interactionResult(request.raw, reply.raw, result, options) }
}

function send(reply: FastifyReply, answer: Answer): FastifyReply {
  if ('location' in answer) return reply.header('cache-control', 'no-store').redirect(answer.location, 303)
  return reply
    .code(answer.status)
    .headers({ ...pageHeaders, ...answer.headers })
    .send(answer.page)
}
