// Lets the countdown tick. Without it the page shows the time as it was sent.
const shown = document.getElementById("countdown");
const seconds = Number(shown.dataset.seconds);
const end = performance.now() + seconds * 1000;
shown.nextElementSibling.textContent = "left";

function tick() {
  const left = Math.max(0, Math.ceil((end - performance.now()) / 1000));
  shown.textContent = Math.floor(left / 60) + ":" + String(left % 60).padStart(2, "0");
  if (left === 0) {
    document.getElementById("over").hidden = false;
    clearInterval(timer);
  }
}
const timer = setInterval(tick, 250);
tick();
