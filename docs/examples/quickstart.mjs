// node quickstart.mjs selfie.jpg, with FITSIZE_ADDRESS and FITSIZE_KEY in the environment. The same code runs in a browser whose page's
// origin is one of CORS_ALLOWED_ORIGINS: there the file comes out of an <input type="file">. Nothing but fetch is needed.
import { readFile } from "node:fs/promises";

const { FITSIZE_ADDRESS: address, FITSIZE_KEY: key } = process.env;
const ended = ["succeeded", "failed", "canceled", "expired"];

async function ask(path, options = {}) {
  const answer = await fetch(new URL(path, address), {
    ...options,
    headers: { Authorization: `Bearer ${key}`, ...options.headers },
  });
  const document = await answer.json();
  if (!answer.ok) throw new Error(`${document.code}: ${document.detail}`);
  return document;
}

async function run(operation, form) {
  let job = await ask(`/api/v1/${operation}`, {
    method: "POST",
    body: form,
    headers: { Prefer: "wait=20", "Idempotency-Key": crypto.randomUUID() },
  });
  while (!ended.includes(job.state)) job = await ask(`${job.links.self}?wait=20`);
  if (job.state !== "succeeded") throw new Error(`${job.state}: ${job.error?.detail ?? ""}`);
  return job.result;
}

const form = new FormData();
form.set("selfie", new Blob([await readFile(process.argv[2])]), "selfie.jpg");
const { verdict, reasons } = await run("faces/validate", form);
console.log(verdict, reasons);
