"use strict";
// The key stands behind the address's #: it is taken from there, kept for this tab alone, and brought along with each question.

const $ = (name) => document.getElementById(name);
const KEPT = 500;
const RETRY = 2000;

if (location.hash.length > 1) {
  sessionStorage.setItem("key", location.hash.slice(1));
  history.replaceState(null, "", "/");
}

async function ask(path, act) {
  const head = { Authorization: `Bearer ${sessionStorage.getItem("key")}` };
  const how = act ? { method: "POST", headers: { ...head, "Content-Type": "application/json" }, body: JSON.stringify(act) } : { headers: head };
  const said = await fetch(path, how);
  if (said.status === 401) throw new Gone();
  const answer = await said.json();
  if (answer.trouble) throw new Error(answer.trouble);
  return answer;
}

class Gone extends Error {
  constructor() { super("this page's key is no longer good: open the address that `orchestrate web` prints"); }
}

function tell(text) {
  $("news").textContent = text;
  $("news").hidden = !text;
}

// What comes from the supervisor's side is HTML in which everything that a seat wrote is text; no script in it would run.
function put(place, html) {
  const open = new Set([...place.querySelectorAll("details[open]")].map((row) => row.dataset.key));
  place.innerHTML = html;
  place.querySelectorAll("details").forEach((row) => { row.open = open.has(row.dataset.key); });
}

function grow(place, html) {
  const atEnd = place.scrollTop + place.clientHeight >= place.scrollHeight - 4;
  place.insertAdjacentHTML("beforeend", html);
  while (place.childElementCount > KEPT) place.firstElementChild.remove();
  if (atEnd) place.scrollTop = place.scrollHeight;
}

function show(board) {
  $("head").innerHTML = board.head;
  document.title = new DOMParser().parseFromString(board.title, "text/html").documentElement.textContent;
  for (const [name, html] of Object.entries(board.panels)) put($(name).lastElementChild, html);
  grow($("ledger").lastElementChild, board.tail);
  const frozen = board.frozen !== null;
  $("frozen").hidden = $("thaw").hidden = !frozen;
  $("freeze").hidden = frozen;
  $("why").textContent = frozen ? board.frozen.text : "";
  $("alone").hidden = !frozen || board.frozen.agreed;
  sift();
}

function sift() {
  const wanted = $("query").value.toLowerCase();
  document.querySelectorAll("main details").forEach((row) => { row.hidden = !row.textContent.toLowerCase().includes(wanted); });
}

async function follow() {
  let known = 0;
  for (;;) {
    try {
      const board = await ask(`/board?since=${known}`);
      tell("");
      show(board);
      known = board.known;
      await new Promise((go) => setTimeout(go, 100));
    } catch (why) {
      tell(`no news: ${why.message}`);
      if (why instanceof Gone) return;
      await new Promise((go) => setTimeout(go, RETRY));
    }
  }
}

// Sends what a form asks for; what goes wrong stands in its dialog, and what was typed stays.
function sends(form, request) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const dialog = form.closest("dialog");
    const trouble = dialog.querySelector(".trouble");
    trouble.textContent = "";
    try {
      const answer = await ask("/act", request(new FormData(form)));
      form.reset();
      dialog.close();
      tell(answer.outcome);
    } catch (why) {
      form.querySelector("[type=password]")?.form.reset();
      trouble.textContent = why.message;
    }
  });
}

let shown = null;

async function open(task) {
  try {
    shown = await ask(`/task/${task}`);
  } catch (why) {
    return tell(why.message);
  }
  $("told").textContent = shown.text;
  $("confirming").hidden = !shown.confirm;
  $("digest").textContent = shown.confirm ? shown.confirm.slice(0, 12) : "";
  $("task").querySelector(".trouble").textContent = "";
  $("task").showModal();
}

sends($("freezing").querySelector("form"), (typed) => ({ freeze: { reason: typed.get("reason") } }));
sends($("thawing").querySelector("form"), (typed) => ({ thaw: { code: typed.get("code"), alone: typed.has("alone") } }));
sends($("confirming"), (typed) => ({ "task-confirm": { task: shown.task, shown: shown.confirm, code: typed.get("code") } }));
sends($("vetoing"), (typed) => ({ "task-veto": { task: shown.task, reason: typed.get("reason") } }));

$("freeze").addEventListener("click", () => $("freezing").showModal());
$("thaw").addEventListener("click", () => $("thawing").showModal());
$("query").addEventListener("input", () => {
  sift();
  const ledger = $("ledger").lastElementChild;
  ledger.scrollTop = ledger.scrollHeight;
});
document.addEventListener("click", (event) => {
  if (event.target.value === "close") event.target.closest("dialog").close();
  if (event.target.dataset?.task) open(event.target.dataset.task);
});
document.addEventListener("keydown", (event) => {
  if (event.target.matches("input") || document.querySelector("dialog[open]")) return;
  if (event.key === "/") { event.preventDefault(); $("query").focus(); }
  if (event.key === "F" && !$("freeze").hidden) $("freezing").showModal();
});

follow();
