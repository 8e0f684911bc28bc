"use strict";
(() => {
  const LIST_SECONDS = 15;

  /* --- regions that htmx refreshes ------------------------------------------------------------ */

  const region = (event) => event.target.closest && event.target.closest("[data-live]");
  const isRead = (element) => {
    const selection = document.getSelection();
    return !selection.isCollapsed && element.contains(selection.anchorNode);
  };
  const openDetails = (element) =>
    [...element.querySelectorAll("details[open][id]")].map((details) => details.id);
  let reopened = [];

  document.addEventListener("htmx:beforeRequest", (event) => {
    const live = region(event);
    if (live && event.target === live && (document.hidden || isRead(live))) event.preventDefault();
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    const live = region(event);
    if (!live || event.target !== live) return;
    reopened = openDetails(live);
    const answer = event.detail.xhr;
    if (answer.status === 200 && !answer.responseText.includes("data-live")) {
      event.detail.shouldSwap = false; // the login page: the session has ended
      location.reload();
    }
  });
  document.addEventListener("htmx:afterSettle", () => {
    for (const id of reopened) document.getElementById(id)?.setAttribute("open", "");
    reopened = [];
  });
  const lost = (event) => region(event)?.setAttribute("data-lost", "");
  for (const fault of ["sendError", "responseError", "timeout"]) {
    document.addEventListener(`htmx:${fault}`, lost);
  }

  /* --- the list of nodes: cells are renewed, what is ticked or open stays ---------------------- */

  const rowKey = (row) => row.querySelector("th a, td a")?.getAttribute("href");
  const rowsOf = (root) =>
    new Map([...root.querySelectorAll("#result_list tr.data-row")].map((row) => [rowKey(row), row]));
  const renew = (row, fresh) => {
    for (const cell of row.querySelectorAll("[class*='field-']")) {
      const name = [...cell.classList].find((word) => word.startsWith("field-"));
      const other = fresh.querySelector(`.${CSS.escape(name)}`);
      if (other && other.innerHTML !== cell.innerHTML) cell.innerHTML = other.innerHTML;
    }
  };
  const refreshList = async (top) => {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.redirected) return location.reload();
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = rowsOf(page);
    for (const [key, row] of rowsOf(document)) if (fresh.has(key)) renew(row, fresh.get(key));
    const freshTop = page.querySelector("[data-refresh-list]");
    if (freshTop) top.innerHTML = freshTop.innerHTML;
    top.removeAttribute("data-lost");
  };
  document.addEventListener("DOMContentLoaded", () => {
    const top = document.querySelector("[data-refresh-list]");
    if (!top) return;
    setInterval(() => {
      if (!document.hidden) refreshList(top).catch(() => top.setAttribute("data-lost", ""));
      }, LIST_SECONDS * 1000);
  });

  /* --- copy, and a secret made in the browser --------------------------------------------------- */

  const copy = async (text, button) => {
    if (navigator.clipboard) await navigator.clipboard.writeText(text);
    else copyOverPlainHttp(text);
    const before = button.innerHTML;
    button.textContent = "Copied";
    setTimeout(() => (button.innerHTML = before), 1200);
  };
  const copyOverPlainHttp = (text) => {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  };
  const newSecret = () => {
    const octets = crypto.getRandomValues(new Uint8Array(32));
    return btoa(String.fromCharCode(...octets)).replaceAll("+", "-").replaceAll("/", "_").replace("=", "");
  };
  const generate = () => {
    const input = document.querySelector("input[data-secret]");
    input.value = newSecret();
    input.dispatchEvent(new Event("input", { bubbles: true }));
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.copy) copy(button.dataset.copy, button);
    if ("generate" in button.dataset) generate();
    if ("copySecret" in button.dataset) copy(document.querySelector("input[data-secret]").value, button);
  });
})();
