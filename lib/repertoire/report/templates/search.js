"use strict";
// Search by person or work among the people that the page holds. All text goes in as text, never as markup.
(() => {
  const form = document.getElementById("search-form");
  if (!form) return;
  const text = document.getElementById("search-text");
  const status = document.getElementById("search-status");
  const found = document.getElementById("search-found");
  const shown = document.getElementById("search-shown");
  const MOST = 20;
  let held;

  // The index is read when the search is first used: opening the page costs nothing.
  function data() {
    if (held) return held;
    held = JSON.parse(document.getElementById("search-data").textContent);
    held.inLists = held.items.map(() => []);
    held.users.forEach(([, , , places], user) => {
      for (let n = 0; n < places.length; n += 3) held.inLists[places[n]].push([user, n / 3 + 1]);
    });
    held.userKeys = held.users.map((user) => user[0].toLowerCase());
    held.itemKeys = held.items.map(([id, title]) => id.toLowerCase() + "\n" + title.toLowerCase());
    return held;
  }

  function element(name, content, ...inside) {
    const made = document.createElement(name);
    if (content) made.append(content);
    made.append(...inside);
    return made;
  }

  function apart(content) {
    return element("bdi", content);
  }

  // Numbers of the keys that hold the words: equal ones first, then those that start with them; by name within each.
  function matches(keys, words) {
    const places = [[], [], []];
    keys.forEach((key, number) => {
      if (!key.includes(words)) return;
      const parts = key.split("\n");
      const place = parts.includes(words) ? 0 : parts.some((part) => part.startsWith(words)) ? 1 : 2;
      places[place].push(number);
    });
    for (const numbers of places) numbers.sort((a, b) => (keys[a] < keys[b] ? -1 : 1));
    return places.flat();
  }

  function title(item) {
    const [id, name] = data().items[item];
    if (!name) return [apart(id)];
    const small = element("small", apart(id));
    small.className = "id";
    return [apart(name), " ", small];
  }

  function button(label, action) {
    const made = element("button");
    made.type = "button";
    made.className = "link";
    made.append(...label);
    made.addEventListener("click", action);
    return made;
  }

  function show(heading, ...content) {
    shown.replaceChildren(element("h3", null, ...heading), ...content);
    shown.focus();
    shown.scrollIntoView({ block: "nearest" });
  }

  function showUser(number) {
    const { users, tiers, reasons } = data();
    const [id, works, history, places] = users[number];
    const list = element("ol");
    for (let n = 0; n < places.length; n += 3) {
      const why = element("span", apart(reasons[places[n + 1]]));
      why.className = "why";
      if (places[n + 2]) why.append(" · " + tiers[places[n + 2]]);
      list.append(element("li", null, button(title(places[n]), () => showItem(places[n])), why));
    }
    const past = element("ul");
    for (const item of history) past.append(element("li", null, button(title(item), () => showItem(item))));
    const left = element("div", null, element("h4", "History"), history.length ? past : element("p", "Nothing yet."));
    if (works > history.length) left.append(element("p", `and ${(works - history.length).toLocaleString("en")} more`));
    const both = element("div", null, left, element("div", null, element("h4", "List"), list));
    both.className = "two";
    show(["Person ", apart(id)], both);
  }

  function showItem(number) {
    const { users, inLists } = data();
    const places = inLists[number];
    const list = element("ul");
    for (const [user, rank] of places.slice(0, 200)) {
      list.append(element("li", null, button([apart(users[user][0])], () => showUser(user)), ` at place ${rank}`));
    }
    const lists = places.length === 1 ? "1 list" : `${places.length.toLocaleString("en")} lists`;
    const said = `It stands in ${lists} of the ${users.length.toLocaleString("en")} people here${
      places.length > 200 ? "; the first 200 are" : places.length ? "" : "."
    }${places.length ? ":" : ""}`;
    list.className = "columns";
    show(["Work ", ...title(number)], element("p", said), list);
  }

  function results(heading, numbers, label, action) {
    if (!numbers.length) return [];
    const list = element("ul");
    list.className = "columns";
    for (const number of numbers.slice(0, MOST)) {
      list.append(element("li", null, button(label(number), () => action(number))));
    }
    const more = numbers.length > MOST ? [element("p", `and ${(numbers.length - MOST).toLocaleString("en")} more: write more of it`)] : [];
    return [element("h3", heading), list, ...more];
  }

  function search() {
    const words = text.value.trim().toLowerCase();
    shown.replaceChildren();
    if (!words) {
      found.replaceChildren();
      status.textContent = "";
      return;
    }
    const { users, userKeys, itemKeys } = data();
    const people = matches(userKeys, words);
    const works = matches(itemKeys, words);
    const count = (number, one, many) => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
    status.textContent =
      people.length || works.length
        ? `Found: ${count(people.length, "person", "people")}, ${count(works.length, "work", "works")}.`
        : "Nobody and nothing here has that in the name.";
    found.replaceChildren(
      ...results("People", people, (number) => [apart(users[number][0])], showUser),
      ...results("Works", works, title, showItem),
    );
  }

  let waiting;
  text.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(search, 200);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(waiting);
    search();
  });
  form.hidden = false;
  document.getElementById("search-needs").hidden = true;
})();
