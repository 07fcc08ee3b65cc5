// The usual build: fastify takes the job, BullMQ puts it into Redis.   server.js <http port> <redis port>
// The body is checked against a schema, the key compared, the answer sent when Redis has answered.
const { Queue } = require('bullmq')
const [port, redisPort] = process.argv.slice(2).map(Number)
const queue = new Queue('jobs', { connection: { host: '127.0.0.1', port: redisPort }, defaultJobOptions: { removeOnComplete: true, removeOnFail: true } })
const app = require('fastify')()
const schema = {
  body: {
    type: 'object',
    required: ['prompt'],
    properties: { prompt: { type: 'string', minLength: 1 }, state: { type: 'string' }, botType: { type: 'string' } },
  },
}
app.post('/mj/submit/imagine', { schema }, async (request, reply) => {
  if (request.headers.authorization !== 'Bearer sk-dev') return reply.code(401).send({})
  const job = await queue.add('imagine', request.body, { delay: 3600e3 })
  return { code: 1, description: 'Submitted successfully', result: job.id, properties: {} }
})
// Many in one request, as BullMQ takes them.
app.post('/batch', { schema: { body: { type: 'object', required: ['requests'], properties: { requests: { type: 'array', items: schema.body } } } }, bodyLimit: 32 << 20 }, async (request, reply) => {
  if (request.headers.authorization !== 'Bearer sk-dev') return reply.code(401).send({})
  const jobs = await queue.addBulk(request.body.requests.map((data) => ({ name: 'imagine', data, opts: { delay: 3600e3 } })))
  return { results: jobs.map((job) => ({ code: 1, description: 'Submitted successfully', result: job.id, properties: {} })) }
})
app.listen({ port, host: '127.0.0.1' }).then(() => console.log('listening'))
